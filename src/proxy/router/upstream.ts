import type { Cluster } from "../cluster/cluster.ts";
import { countedStatus } from "../cluster/error-statuses.ts";
import type { Host } from "../cluster/host.ts";
import type { ResetReason, ResponseHead } from "../http/codec.ts";

/** Counts one try at a host from its start to its end. */
export function beginTry(cluster: Cluster, host: Host): void {
  host.active++;
  host.stats.rqTotal++;
  cluster.circuit.requests++;
  cluster.stats.upstream_rq_total++;
  cluster.stats.upstream_rq_active++;
}

export function endTry(cluster: Cluster, host: Host): void {
  host.active--;
  cluster.circuit.requests--;
  cluster.stats.upstream_rq_active--;
}

/** Tells counters and outlier detection about an answer. */
export function countAnswer(cluster: Cluster, host: Host, { status }: ResponseHead): void {
  const { stats } = cluster;
  stats.upstream_rq_completed++;
  if (status >= 500) {
    stats.upstream_rq_5xx++;
    host.stats.rqError++;
  } else {
    host.stats.rqSuccess++;
    if (status >= 400) stats.upstream_rq_4xx++;
    else if (status >= 300) stats.upstream_rq_3xx++;
    else stats.upstream_rq_2xx++;
  }
  cluster.outlier.answered(host, countedStatus(cluster.config.errorStatuses, status));
}

/** Tells counters and outlier detection that a try broke off before its answer. */
export function countFailure(cluster: Cluster, host: Host, reason: ResetReason): void {
  host.stats.rqError++;
  if (reason === "overflow" || reason === "local reset") return;
  cluster.stats.upstream_rq_rx_reset++;
  cluster.outlier.failedLocally(host);
}
