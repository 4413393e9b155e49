import type { Logger, Signal } from "../../../base/index.ts";
import type { KubeClient } from "../../../kube/index.ts";

/** A cluster that istiod keeps in order: its own, or a remote one. */
export interface UpkeepOptions {
  readonly clusterId: string;
  /**
   * The cluster that istiod runs in. Another cluster is kept in order only while annotation
   * topology.istio.io/controlPlaneClusters of its system namespace names this one: a cluster with an istiod of its
   * own is that one's business. Absent: `clusterId` is istiod's own.
   */
  readonly controlPlaneCluster?: string;
  readonly client: KubeClient;
  readonly revision: string;
  readonly systemNamespace: string;
  /** PEM of the mesh's root(s), as it is now. */
  rootPem(): string;
  /** Told when `rootPem` gives something else. */
  readonly rootChanges: Signal;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Starts keeping webhooks and ConfigMaps istio-ca-root-cert of one cluster true, until `signal` aborts. Never rejects. */
export type StartUpkeep = (options: UpkeepOptions) => void;
