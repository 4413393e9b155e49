import type { KubeClient, KubeObject, Service } from "../kube/index.ts";

/** Something that keeps requests from working, or will. Effect first, then cause, evidence and way out. */
export interface Finding {
  /** Stable, documented in docs/diagnostics.md. */
  readonly code: `${string}/${string}`;
  readonly severity: "error" | "warning";
  readonly effect: string;
  readonly cause: string;
  readonly evidence: readonly string[];
  readonly fix: string;
}

/** A workload cluster, as checks reach it. */
export interface CheckedCluster {
  readonly name: string;
  /** The cluster whose control plane serves it; Istio's objects are read there. */
  readonly primary: string;
  readonly network: string | undefined;
  readonly client: KubeClient;
}

/** What was read of a cluster, once for all checks. */
export interface ClusterView extends Omit<CheckedCluster, "client"> {
  readonly services: readonly Service[];
  /** Istio's Gateways. */
  readonly gateways: readonly KubeObject[];
}

/** One check over the whole mesh. */
export type Check = (clusters: readonly ClusterView[]) => readonly Finding[];
