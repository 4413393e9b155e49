import type { CalledService } from "./contracts.ts";

/** Requests that a sidecar has handed to its app, by the counters of its admin interface. */
export function countedArrivals(stats: ReadonlyMap<string, number>, port: number): number {
  return stats.get(`cluster.inbound|${port}||.upstream_rq_total`) ?? 0;
}

/** Whether every connection that a proxy made to a service did a TLS handshake, by the same counters. */
export function isMutualTls(
  stats: ReadonlyMap<string, number>,
  { name, namespace, port }: CalledService,
): boolean {
  let connections = 0;
  let handshakes = 0;
  for (const [stat, value] of stats) {
    if (!stat.startsWith(`cluster.outbound|${port}|`) || !stat.includes(`|${name}.${namespace}.svc.`))
      continue;
    if (stat.endsWith(".upstream_cx_total")) connections += value;
    if (stat.endsWith(".upstream_cx_connect_fail")) connections -= value;
    if (stat.endsWith(".ssl.handshake")) handshakes += value;
  }
  return connections > 0 && handshakes >= connections;
}
