/** Direction part of a cluster's name. */
export type Direction = "inbound" | "outbound";

/** "outbound|80|v1|reviews.default.svc.cluster.local": Istio's name of a cluster. */
export function clusterName(direction: Direction, subset: string, host: string, port: number): string {
  return `${direction}|${port}|${subset}|${host}`;
}

/** The same as a DNS name, "outbound_.80_.v1_.reviews…": SNI between networks, and clusters of AUTO_PASSTHROUGH gateways. */
export function sniName(subset: string, host: string, port: number): string {
  return `outbound_.${port}_.${subset}_.${host}`;
}

/** What a cluster's name, in either form, says; undefined for other names. */
export function parseClusterName(name: string):
  | {
      readonly direction: Direction;
      readonly port: number;
      readonly subset: string;
      readonly host: string;
      readonly isSni: boolean;
    }
  | undefined {
  const bars = /^(inbound|outbound)\|(\d+)\|([^|]*)\|(.*)$/.exec(name);
  const match = bars ?? /^(inbound|outbound)_\.(\d+)_\.(.*?)_\.(.*)$/.exec(name);
  if (match === null) return undefined;
  const [, direction, port, subset = "", host = ""] = match;
  return {
    direction: direction === "inbound" ? "inbound" : "outbound",
    port: Number(port),
    subset,
    host,
    isSni: bars === null,
  };
}

/** Whether a host is a wildcard: "*" or "*.example.com". */
export function isWildcard(host: string): boolean {
  return host.startsWith("*");
}

/** Whether two hosts, either of which may be a wildcard, have a name in common. */
export function hostsOverlap(a: string, b: string): boolean {
  if (isWildcard(a)) {
    if (isWildcard(b)) return a.length < b.length ? b.endsWith(a.slice(1)) : a.endsWith(b.slice(1));
    return b.endsWith(a.slice(1));
  }
  if (isWildcard(b)) return a.endsWith(b.slice(1));
  return a === b;
}

/** Whether every name that `inner` means is also meant by `outer`. */
export function isSubsetOf(inner: string, outer: string): boolean {
  if (isWildcard(inner)) {
    if (!isWildcard(outer)) return false;
    return inner.length >= outer.length && inner.endsWith(outer.slice(1));
  }
  return isWildcard(outer) ? inner.endsWith(outer.slice(1)) : inner === outer;
}

const ipv4 = /^(\d{1,3}\.){3}\d{1,3}$/;

/** Whether `text` is an IP address. */
export function isIp(text: string): boolean {
  return ipv4.test(text) || (text.includes(":") && /^[0-9a-fA-F:.]+$/.test(text));
}

/** A destination host as the rules of `namespace` mean it: a name without dots is a Service of that namespace. */
export function resolveShortName(host: string, namespace: string, domain: string): string {
  if (host.includes("*") || host.includes(".") || host === "" || isIp(host)) return host.toLowerCase();
  return `${host}.${namespace}.svc.${domain}`.toLowerCase();
}

/** Other names by which a client in `dnsDomain` ("sample.svc.cluster.local") may call a host. */
export function otherNames(host: string, dnsDomain: string): string[] {
  const names = isIp(host) ? [] : [`${host}.`];
  const svc = dnsDomain.indexOf(".svc.");
  if (svc < 0 || !host.endsWith(dnsDomain.slice(svc))) return names;
  const end = host.indexOf(".svc.");
  const dot = host.indexOf(".");
  if (end <= 0 || dot < 0 || dot + 1 > end) return names;
  const short = host.slice(0, end);
  if (host.slice(dot + 1, end) === dnsDomain.slice(0, svc))
    return [...names, host.slice(0, dot), `${short}.svc`, short];
  return [...names, short, `${short}.svc`];
}
