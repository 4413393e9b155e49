import type { Clock, Logger } from "../../base/index.ts";
import type { KubeClient } from "../../kube/index.ts";

/** A cluster that may place pods on others, or run pods of others. */
export interface OffloadingCluster {
  /** Also its Liqo cluster ID. */
  readonly name: string;
  readonly client: KubeClient;
}

export interface OffloadingOptions {
  readonly clusters: readonly OffloadingCluster[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Logger;
}
