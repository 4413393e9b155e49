import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { AccessLog as AccessLogMessage } from "../../xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import type { SubstitutionFormatString } from "../../xds/gen/envoy/config/core/v3/substitution_format_string_pb.js";
import { FileAccessLogSchema } from "../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from "../../xds/gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { unpack } from "../config/wire.ts";
import type { ExchangeFacts } from "../router/facts.ts";
import { compileFormat, compileTyped, defaultLogFormat, type Format } from "./format.ts";

/** Makes the line for one exchange; undefined when its filter leaves the exchange out. No line end. */
export type AccessLogger = (facts: ExchangeFacts) => string | undefined;

/** Compiles access loggers that write to a file or a standard stream; all write into the pod's log. Throws ConfigError. */
export function compileAccessLogs(messages: readonly AccessLogMessage[], where: string): AccessLogger[] {
  return messages.flatMap((message) => {
    const format = formatOf(message, `${where}, ${message.name}`);
    if (format === undefined) return [];
    const accepts = compileFilter(message.filter, `${where}, ${message.name}`);
    return [(facts: ExchangeFacts) => (accepts(facts) ? format(facts) : undefined)];
  });
}

function formatOf(message: AccessLogMessage, where: string): Format | undefined {
  const config: Any | undefined =
    message.configType.case === "typedConfig" ? message.configType.value : undefined;
  if (config === undefined) throw new ConfigError(`${where}: access log without typed_config`);
  if (config.typeUrl.endsWith(".FileAccessLog")) {
    const { accessLogFormat } = unpack(config, FileAccessLogSchema, where);
    switch (accessLogFormat.case) {
      case "logFormat":
        return compileFormatString(accessLogFormat.value, where);
      case "format":
        return line(compileFormat(accessLogFormat.value, where));
      case "jsonFormat":
      case "typedJsonFormat":
        return compileJson(accessLogFormat.value, where);
      default:
        return line(compileFormat(defaultLogFormat, where));
    }
  }
  const isStdout = config.typeUrl.endsWith(".StdoutAccessLog");
  if (isStdout || config.typeUrl.endsWith(".StderrAccessLog")) {
    const schema = isStdout ? StdoutAccessLogSchema : StderrAccessLogSchema;
    const { accessLogFormat } = unpack(config, schema, where);
    return accessLogFormat.case === "logFormat"
      ? compileFormatString(accessLogFormat.value, where)
      : line(compileFormat(defaultLogFormat, where));
  }
  // gRPC access log and tracing services are somewhere else; what they would get is in the metrics.
  if (/AccessLogConfig$/.test(config.typeUrl)) return undefined;
  throw new ConfigError(`${where}: unsupported access log ${config.typeUrl}`);
}

function compileFormatString(format: SubstitutionFormatString, where: string): Format {
  const specifier = format.format;
  switch (specifier.case) {
    case "textFormat":
      return line(compileFormat(specifier.value, where, format.omitEmptyValues ? "" : "-"));
    case "textFormatSource":
      if (specifier.value.specifier.case !== "inlineString")
        throw new ConfigError(`${where}: format must be inline`);
      return line(compileFormat(specifier.value.specifier.value, where, format.omitEmptyValues ? "" : "-"));
    case "jsonFormat":
      return compileJson(specifier.value, where);
    default:
      return line(compileFormat(defaultLogFormat, where));
  }
}

/** The sink ends lines itself. */
function line(format: Format): Format {
  return (facts) => {
    const text = format(facts);
    return text.endsWith("\n") ? text.slice(0, -1) : text;
  };
}

type Shape = (facts: ExchangeFacts) => unknown;

function compileJson(fields: JsonObject, where: string): Format {
  const shape = compileShape(fields, where);
  return (facts) => JSON.stringify(shape(facts));
}

function compileShape(value: JsonValue, where: string): Shape {
  if (typeof value === "string") {
    const operator = compileTyped(value, where);
    return (facts) => operator(facts) ?? null;
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => compileShape(item, where));
    return (facts) => items.map((item) => item(facts));
  }
  if (typeof value === "object" && value !== null) {
    // Envoy sorts the keys.
    const entries = Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, compileShape(inner, where)] as const);
    return (facts) => Object.fromEntries(entries.map(([key, shape]) => [key, shape(facts)]));
  }
  return () => value;
}

type Filter = AccessLogMessage["filter"];

function compileFilter(filter: Filter, where: string): (facts: ExchangeFacts) => boolean {
  const specifier = filter?.filterSpecifier;
  switch (specifier?.case) {
    case undefined:
      return () => true;
    case "responseFlagFilter": {
      const wanted = new Set<string>(specifier.value.flags);
      return ({ flags }) => (wanted.size === 0 ? flags.length > 0 : flags.some((flag) => wanted.has(flag)));
    }
    case "statusCodeFilter": {
      const comparison = specifier.value.comparison;
      const limit = comparison?.value?.defaultValue ?? 0;
      const operator = comparison?.op ?? 0;
      return ({ status }) =>
        operator === 0 ? status === limit : operator === 1 ? status >= limit : status <= limit;
    }
    case "durationFilter": {
      const limit = specifier.value.comparison?.value?.defaultValue ?? 0;
      return ({ started, ended }) => (ended ?? started) - started >= limit;
    }
    case "notHealthCheckFilter":
      return () => true;
    case "andFilter": {
      const filters = specifier.value.filters.map((inner) => compileFilter(inner, where));
      return (facts) => filters.every((test) => test(facts));
    }
    case "orFilter": {
      const filters = specifier.value.filters.map((inner) => compileFilter(inner, where));
      return (facts) => filters.some((test) => test(facts));
    }
    default:
      throw new ConfigError(`${where}: unsupported access log filter ${specifier?.case}`);
  }
}
