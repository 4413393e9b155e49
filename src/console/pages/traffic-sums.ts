import type { TrafficEdge } from "../../telemetry/index.ts";
import type { Traffic } from "../api.ts";

/**
 * Edges as one. Latencies are the mean of the edges' own, weighted by requests: exact for one edge, an estimate for
 * several, since quantiles can't be added. Mutual TLS is weighed by requests too, and by bytes where all is TCP.
 */
export function sumTraffic(edges: readonly TrafficEdge[]): Traffic {
  let [requests, failed, secured, known, timed] = [0, 0, 0, 0, 0];
  const isTcp = edges.every(({ protocol }) => protocol === "tcp");
  const latency = { p50: 0, p95: 0, p99: 0 };
  for (const { requestsPerSecond, failedPerSecond, bytesPerSecond, mutualTls, latencyMs } of edges) {
    requests += requestsPerSecond;
    failed += failedPerSecond;
    if (mutualTls !== undefined) {
      const weight = isTcp ? bytesPerSecond.sent + bytesPerSecond.received : requestsPerSecond;
      secured += mutualTls * weight;
      known += weight;
    }
    if (latencyMs === undefined) continue;
    timed += requestsPerSecond;
    latency.p50 += latencyMs.p50 * requestsPerSecond;
    latency.p95 += latencyMs.p95 * requestsPerSecond;
    latency.p99 += latencyMs.p99 * requestsPerSecond;
  }
  return {
    requestsPerSecond: requests,
    failedPerSecond: failed,
    ...(timed === 0
      ? {}
      : { latencyMs: { p50: latency.p50 / timed, p95: latency.p95 / timed, p99: latency.p99 / timed } }),
    ...(known === 0 ? {} : { mutualTls: secured / known }),
  };
}

/** Range of rates, in seconds, out of a query's text: 60 unless it is a number from 10 s to 6 h. */
export function rangeOf(query: URLSearchParams): number {
  const seconds = Number(query.get("range") ?? 60);
  return Number.isFinite(seconds) ? Math.min(6 * 3600, Math.max(10, Math.round(seconds))) : 60;
}
