import type { AccessRecord } from "./access-record.ts";

/** Clients decide what is in paths and user agents, and reading costs more than in proportion to a line's length. */
const longestLine = 32 * 1024;

/**
 * Reads a line of a proxy's access log: Istio's text format and that of plain Envoy, and JSON with Istio's field names, of
 * which any may be missing. Undefined for other lines.
 */
export function parseAccessLine(line: string): AccessRecord | undefined {
  if (line.length > longestLine) return undefined;
  if (line.startsWith("[")) return parseText(line);
  return line.startsWith("{") ? parseJson(line) : undefined;
}

type Fields = Readonly<Record<string, string | undefined>>;

const head = String.raw`\[(?<start_time>[^\]]+)\] "(?<method>\S+) (?<path>.*) (?<protocol>\S+)" (?<response_code>\d+) (?<response_flags>\S+)`;
const tail = String.raw`(?<bytes_received>\d+) (?<bytes_sent>\d+) (?<duration>\S+) (?<upstream_service_time>\S+) "(?<x_forwarded_for>[^"]*)" "(?<user_agent>.*)" "(?<request_id>[^"]*)" "(?<authority>[^"]*)" "(?<upstream_host>[^"]*)"`;
/** Istio's documented default (istio.io, "Envoy Access Logs"). */
const istioFormat = new RegExp(
  String.raw`^${head} (?<response_code_details>\S+) (?<connection_termination_details>\S+) "(?<upstream_transport_failure_reason>[^"]*)" ${tail} (?<upstream_cluster>\S+) (?<upstream_local_address>\S+) (?<downstream_local_address>\S+) (?<downstream_remote_address>\S+) (?<requested_server_name>\S+) (?<route_name>.*)$`,
);
/** Envoy's own default. */
const envoyFormat = new RegExp(`^${head} ${tail}$`);

function parseText(line: string): AccessRecord | undefined {
  const { groups } = istioFormat.exec(line) ?? envoyFormat.exec(line) ?? {};
  return groups === undefined ? undefined : recordOf(groups);
}

function parseJson(line: string): AccessRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const texts = Object.entries(value).flatMap(([name, one]): [string, string][] =>
    typeof one === "string" || typeof one === "number" ? [[name, String(one)]] : [],
  );
  const fields: Fields = Object.fromEntries(texts);
  return fields["start_time"] === undefined || fields["response_code"] === undefined
    ? undefined
    : recordOf(fields);
}

function recordOf(fields: Fields): AccessRecord | undefined {
  const text = (name: string) => {
    const value = fields[name];
    return value === undefined || value === "" || value === "-" ? undefined : value;
  };
  const number = (name: string) => {
    const value = Number(text(name));
    return Number.isFinite(value) ? value : undefined;
  };
  const start = Date.parse(text("start_time") ?? "");
  if (Number.isNaN(start)) return undefined;
  return {
    start,
    status: number("response_code") ?? 0,
    flags: text("response_flags")?.split(",") ?? [],
    bytesReceived: number("bytes_received") ?? 0,
    bytesSent: number("bytes_sent") ?? 0,
    duration: number("duration") ?? 0,
    ...defined({
      method: text("method"),
      path: text("path"),
      protocol: text("protocol"),
      details: text("response_code_details"),
      terminationDetails: text("connection_termination_details"),
      transportFailure: text("upstream_transport_failure_reason"),
      upstreamTime: number("upstream_service_time"),
      forwardedFor: text("x_forwarded_for"),
      userAgent: text("user_agent"),
      requestId: text("request_id"),
      authority: text("authority"),
      upstreamHost: text("upstream_host"),
      upstreamCluster: text("upstream_cluster")?.replace(/;$/, ""),
      upstreamLocalAddress: text("upstream_local_address"),
      downstreamLocalAddress: text("downstream_local_address"),
      downstreamRemoteAddress: text("downstream_remote_address"),
      serverName: text("requested_server_name"),
      routeName: text("route_name"),
    }),
  };
}

/** Without the names that have no value. */
function defined<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
}
