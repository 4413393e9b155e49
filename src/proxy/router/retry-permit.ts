import type { Cluster } from "../cluster/cluster.ts";
import { allowsRetry } from "../cluster/retry-budget.ts";

/** What one exchange's retry counts against the circuit breakers of its cluster. */
export interface RetryPermit {
  /** Counts a retry, until it is released. False, and counted as overflow, when too many run already. */
  take(cluster: Cluster): boolean;
  /** The retry was answered or broken off. Does nothing when none is counted. */
  release(): void;
}

export function createRetryPermit(): RetryPermit {
  let holder: Cluster | undefined;
  return {
    take(cluster) {
      if (!allowsRetry(cluster.config.circuit, cluster.circuit)) {
        cluster.stats.upstream_rq_retry_overflow++;
        return false;
      }
      cluster.circuit.retries++;
      holder = cluster;
      return true;
    },
    release() {
      if (holder !== undefined) holder.circuit.retries--;
      holder = undefined;
    },
  };
}
