import { create, type JsonObject } from "@bufbuild/protobuf";
import { type AccessLog, AccessLogSchema } from "../../xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { FileAccessLogSchema } from "../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import type { Telemetry } from "./config-types.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { selects } from "./objects.ts";
import { any } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Rules } from "./rules.ts";

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
}

/** The access logs of a proxy: what Telemetry resources say for it, else MeshConfig. Empty when switched off. */
export function accessLogs(rules: Rules, proxy: ProxyNode): AccessLog[] {
  return targets(rules, proxy).map((target) => makeLog(target));
}

/** The same for a listener itself, which sees only connections that no chain takes. */
export function listenerAccessLogs(rules: Rules, proxy: ProxyNode): AccessLog[] {
  return targets(rules, proxy).map((target) => makeLog(target, ["NR"]));
}

function targets({ mesh, telemetries }: Rules, proxy: ProxyNode): LogTarget[] {
  const own = telemetryFor(
    telemetries,
    proxy,
    mesh.rootNamespace,
    ({ spec }) => spec?.accessLogging !== undefined,
  );
  const settings = own?.spec?.accessLogging;
  if (settings !== undefined) {
    const enabled = settings.filter(({ disabled }) => disabled !== true);
    const named = enabled.flatMap(({ providers }) => (providers ?? []).map(({ name }) => name ?? ""));
    const names = named.length > 0 || enabled.length === 0 ? named : mesh.defaultProviders.accessLogging;
    const found = [...new Set(names.length === 0 && enabled.length > 0 ? ["envoy"] : names)].flatMap(
      (name) => provider(mesh, name) ?? [],
    );
    return found;
  }
  if (mesh.defaultProviders.accessLogging.length > 0)
    return mesh.defaultProviders.accessLogging.flatMap((name) => provider(mesh, name) ?? []);
  return mesh.accessLogFile === "" ? [] : [meshTarget(mesh)];
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
  const written = mesh.extensionProviders.find((item) => item["name"] === name)?.["envoyFileAccessLog"];
  if (written === undefined) return name === "envoy" ? meshTarget(mesh) : undefined;
  const { path, logFormat } = written as {
    readonly path?: string;
    readonly logFormat?: { readonly text?: string; readonly labels?: JsonObject };
  };
  return {
    path: path ?? "/dev/stdout",
    encoding: logFormat?.labels === undefined ? "TEXT" : "JSON",
    text: logFormat?.text ?? "",
    ...(logFormat?.labels === undefined ? {} : { labels: logFormat.labels }),
  };
}

/** The most specific Telemetry for a proxy that says something of interest: by selector, then namespace, then mesh. */
export function telemetryFor(
  telemetries: readonly Telemetry[],
  proxy: ProxyNode,
  rootNamespace: string,
  isOfInterest: (telemetry: Telemetry) => boolean,
): Telemetry | undefined {
  const relevant = telemetries.filter(isOfInterest);
  const isGeneral = ({ spec }: Telemetry) => Object.keys(spec?.selector?.matchLabels ?? {}).length === 0;
  const own = relevant.filter(({ metadata }) => metadata.namespace === proxy.namespace);
  return (
    own.find(({ spec }) => selects(spec?.selector?.matchLabels, proxy.labels)) ??
    own.find(isGeneral) ??
    relevant.find((telemetry) => telemetry.metadata.namespace === rootNamespace && isGeneral(telemetry))
  );
}

/** Whether a proxy counts requests for Prometheus. */
export function hasPrometheusMetrics({ mesh, telemetries }: Rules, proxy: ProxyNode): boolean {
  const own = telemetryFor(telemetries, proxy, mesh.rootNamespace, ({ spec }) => spec?.metrics !== undefined);
  const named =
    own?.spec?.metrics?.flatMap(({ providers }) => (providers ?? []).map(({ name }) => name ?? "")) ?? [];
  return (named.length > 0 ? named : mesh.defaultProviders.metrics).includes("prometheus");
}

function makeLog({ path, encoding, text, labels }: LogTarget, flags?: readonly string[]): AccessLog {
  const format =
    encoding === "JSON"
      ? { case: "jsonFormat" as const, value: labels ?? jsonFormat(text) }
      : {
          case: "textFormatSource" as const,
          value: { specifier: { case: "inlineString" as const, value: textFormat(text) } },
        };
  return create(AccessLogSchema, {
    name: "envoy.access_loggers.file",
    ...(flags === undefined
      ? {}
      : { filter: { filterSpecifier: { case: "responseFlagFilter", value: { flags: [...flags] } } } }),
    configType: {
      case: "typedConfig",
      value: any(FileAccessLogSchema, { path, accessLogFormat: { case: "logFormat", value: { format } } }),
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
