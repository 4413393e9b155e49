/** One request or connection, as the access log of one proxy tells it. What the log leaves out or has as "-" is absent. */
export interface AccessRecord {
  /** When it began, in milliseconds since 1970. */
  readonly start: number;
  /** Absent for TCP. */
  readonly method?: string;
  readonly path?: string;
  /** "HTTP/1.1", "HTTP/2" … */
  readonly protocol?: string;
  /** Of the response; 0 for TCP and for requests that nobody answered. */
  readonly status: number;
  /** Envoy's short names of what went wrong: "UF", "NR" … */
  readonly flags: readonly string[];
  /** "via_upstream", or what else answered. */
  readonly details?: string;
  readonly terminationDetails?: string;
  readonly transportFailure?: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Milliseconds, from the first byte of the request to the last of the response. */
  readonly duration: number;
  /** Milliseconds until the upstream answered. */
  readonly upstreamTime?: number;
  readonly forwardedFor?: string;
  readonly userAgent?: string;
  readonly requestId?: string;
  readonly authority?: string;
  readonly upstreamHost?: string;
  /** "outbound|9080||reviews.default.svc.cluster.local", "inbound|9080||", "PassthroughCluster" … */
  readonly upstreamCluster?: string;
  readonly upstreamLocalAddress?: string;
  readonly downstreamLocalAddress?: string;
  readonly downstreamRemoteAddress?: string;
  readonly serverName?: string;
  readonly routeName?: string;
}

/** Where in a request's way a proxy stood: at who asked, at who answered, or in between without looking inside. */
export type AccessSide = "client" | "server" | "passthrough";

/** What is told apart by the upstream cluster's name; a request that no route took counts for who asked. */
export function sideOf({ upstreamCluster = "", routeName = "" }: AccessRecord): AccessSide {
  if (/^inbound\||^InboundPassthroughCluster/.test(upstreamCluster)) return "server";
  if (upstreamCluster.startsWith("outbound_.")) return "passthrough";
  return upstreamCluster === "" && /^inbound\|?/.test(routeName) ? "server" : "client";
}

/** What a record says about where a request was to go. */
export interface AccessDestination {
  /** Host name of the service, as far as the log says it: "reviews.default.svc.cluster.local". */
  readonly host?: string;
  readonly port?: number;
  readonly subset?: string;
}

/** The destination by the upstream cluster, by the server name that the caller's proxy sent, or else by the request's host. */
export function destinationOf({
  upstreamCluster = "",
  serverName,
  authority,
}: AccessRecord): AccessDestination {
  return (
    byParts(upstreamCluster.startsWith("outbound|") ? upstreamCluster.split("|") : undefined) ??
    byParts(sniParts(upstreamCluster)) ??
    byParts(sniParts(serverName ?? "")) ??
    byAuthority(authority)
  );
}

/** "outbound_.9080_.v1_.reviews.default.svc.cluster.local" in its parts. */
function sniParts(name: string): readonly string[] | undefined {
  const [, port = "", subset = "", host = ""] = /^outbound_\.(\d+)_\.([^_]*)_\.(.+)$/.exec(name) ?? [];
  return host === "" ? undefined : ["outbound", port, subset, host];
}

function byParts(parts: readonly string[] | undefined): AccessDestination | undefined {
  const [, port = "", subset = "", host = ""] = parts ?? [];
  if (host === "") return undefined;
  return { host, ...(Number(port) > 0 ? { port: Number(port) } : {}), ...(subset === "" ? {} : { subset }) };
}

function byAuthority(authority: string | undefined): AccessDestination {
  const [, host, port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(authority ?? "") ?? [];
  if (host === undefined) return {};
  return { host, ...(port === undefined ? {} : { port: Number(port) }) };
}
