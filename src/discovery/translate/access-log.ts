import { create, type JsonObject } from "@bufbuild/protobuf";
import { type AccessLog, AccessLogSchema } from "../../xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { FileAccessLogSchema } from "../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { logFilter } from "./log-filter.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { any } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Rules } from "./rules.ts";
import { loggingProviders, type TelemetrySide } from "./telemetry-rules.ts";

/** Istio's documented default format of the access log. */
export const defaultTextFormat =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% ' +
  '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ' +
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% ' +
  "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

/** The fields of the JSON access log when no format is given. */
export const defaultJsonFormat: Readonly<Record<string, string>> = {
  start_time: "%START_TIME%",
  route_name: "%ROUTE_NAME%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  protocol: "%PROTOCOL%",
  response_code: "%RESPONSE_CODE%",
  response_flags: "%RESPONSE_FLAGS%",
  response_code_details: "%RESPONSE_CODE_DETAILS%",
  connection_termination_details: "%CONNECTION_TERMINATION_DETAILS%",
  bytes_received: "%BYTES_RECEIVED%",
  bytes_sent: "%BYTES_SENT%",
  duration: "%DURATION%",
  upstream_service_time: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
  x_forwarded_for: "%REQ(X-FORWARDED-FOR)%",
  user_agent: "%REQ(USER-AGENT)%",
  request_id: "%REQ(X-REQUEST-ID)%",
  authority: "%REQ(:AUTHORITY)%",
  upstream_host: "%UPSTREAM_HOST%",
  upstream_cluster: "%UPSTREAM_CLUSTER_RAW%",
  upstream_local_address: "%UPSTREAM_LOCAL_ADDRESS%",
  downstream_local_address: "%DOWNSTREAM_LOCAL_ADDRESS%",
  downstream_remote_address: "%DOWNSTREAM_REMOTE_ADDRESS%",
  requested_server_name: "%REQUESTED_SERVER_NAME%",
  upstream_transport_failure_reason: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
};

interface LogTarget {
  readonly path: string;
  readonly encoding: MeshConfig["accessLogEncoding"];
  readonly text: string;
  readonly labels?: JsonObject;
  readonly omitsEmpty?: boolean;
  /** In CEL: which exchanges are logged. */
  readonly expression?: string;
}

/** The access logs of a proxy: what Telemetry resources say for it, else MeshConfig. Empty when switched off. */
export function accessLogs(rules: Rules, proxy: ProxyNode, side: TelemetrySide): AccessLog[] {
  return targets(rules, proxy, side).map((target) => makeLog(target));
}

/** The same for a listener itself, which sees only connections that no chain takes. */
export function listenerAccessLogs(rules: Rules, proxy: ProxyNode, side: TelemetrySide): AccessLog[] {
  return targets(rules, proxy, side).map((target) => makeLog(target, ["NR"]));
}

function targets(rules: Rules, proxy: ProxyNode, side: TelemetrySide): LogTarget[] {
  const { mesh } = rules;
  const defaults = mesh.defaultProviders.accessLogging;
  const chosen =
    loggingProviders(rules, proxy, side) ??
    (defaults.length === 0
      ? undefined
      : [...defaults].sort().map((name) => ({ name, expression: undefined })));
  if (chosen === undefined) return mesh.accessLogFile === "" ? [] : [meshTarget(mesh)];
  return chosen.flatMap(({ name, expression }) => {
    const target = provider(mesh, name);
    if (target === undefined) return [];
    return [expression === undefined ? target : { ...target, expression }];
  });
}

function meshTarget(mesh: MeshConfig): LogTarget {
  return {
    path: mesh.accessLogFile || "/dev/stdout",
    encoding: mesh.accessLogEncoding,
    text: mesh.accessLogFormat,
  };
}

/** A file logger by the name of its extension provider; "envoy" is built in. */
function provider(mesh: MeshConfig, name: string): LogTarget | undefined {
  const written = mesh.extensionProviders.find(
    (item) => String(item["name"]).toLowerCase() === name.toLowerCase(),
  )?.["envoyFileAccessLog"];
  if (written === undefined) return name === "envoy" ? meshTarget(mesh) : undefined;
  const { path, logFormat, omitEmptyValues } = written as {
    readonly path?: string;
    readonly omitEmptyValues?: boolean;
    readonly logFormat?: { readonly text?: string; readonly labels?: JsonObject };
  };
  return {
    path: path ?? "/dev/stdout",
    encoding: logFormat?.labels === undefined ? "TEXT" : "JSON",
    text: logFormat?.text ?? "",
    ...(logFormat?.labels === undefined ? {} : { labels: logFormat.labels }),
    omitsEmpty: omitEmptyValues === true,
  };
}

function makeLog(target: LogTarget, flags?: readonly string[]): AccessLog {
  const { path, encoding, text, labels, omitsEmpty = false, expression } = target;
  const format =
    encoding === "JSON"
      ? { case: "jsonFormat" as const, value: labels ?? jsonFormat(text) }
      : {
          case: "textFormatSource" as const,
          value: { specifier: { case: "inlineString" as const, value: textFormat(text) } },
        };
  const filters = [
    ...(flags === undefined
      ? []
      : [{ filterSpecifier: { case: "responseFlagFilter" as const, value: { flags: [...flags] } } }]),
    ...(expression === undefined ? [] : [logFilter(expression) ?? []].flat()),
  ];
  const [only] = filters;
  const filter =
    filters.length > 1 ? { filterSpecifier: { case: "andFilter" as const, value: { filters } } } : only;
  return create(AccessLogSchema, {
    name: "envoy.access_loggers.file",
    ...(filter === undefined ? {} : { filter }),
    configType: {
      case: "typedConfig",
      value: any(FileAccessLogSchema, {
        path,
        accessLogFormat: { case: "logFormat", value: { format, omitEmptyValues: omitsEmpty } },
      }),
    },
  });
}

function textFormat(text: string): string {
  if (text === "") return defaultTextFormat;
  return text.endsWith("\n") ? text : `${text}\n`;
}

function jsonFormat(text: string): JsonObject {
  if (text === "") return { ...defaultJsonFormat };
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as JsonObject;
  } catch {
    // Not JSON: the default fields are more useful than no log.
  }
  return { ...defaultJsonFormat };
}
