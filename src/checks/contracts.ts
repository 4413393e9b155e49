import type {
  Deployment,
  EndpointSlice,
  KubeClient,
  KubeObject,
  Namespace,
  Pod,
  Service,
} from "../kube/index.ts";

/** Something that keeps requests from working, or will. Effect first, then cause, evidence and way out. */
export interface Finding {
  /** Stable, documented in docs/diagnostics.md. */
  readonly code: `${string}/${string}`;
  readonly severity: "error" | "warning";
  readonly effect: string;
  readonly cause: string;
  /** What was read: mostly a kubectl command and its answer. */
  readonly evidence: readonly string[];
  readonly fix: string;
}

/** A workload cluster, as checks reach it, with what the mesh file says of it. */
export interface CheckedCluster {
  readonly name: string;
  /** The cluster whose control plane serves it; Istio's objects are read there. */
  readonly primary: string;
  /** The network it is meant to be on; undefined in a mesh without networks. */
  readonly network: string | undefined;
  /** Other clusters that its control plane is meant to read; empty for a remote. */
  readonly reads: readonly string[];
  /** The way to its API, or why there is none at the moment and what brings it back. */
  readonly client: KubeClient | { readonly away: string; readonly fix: string };
}

/** A line of istiod's /debug/clusterz. */
export interface RegisteredCluster {
  readonly id: string;
  /** "namespace/name"; empty for istiod's own cluster. */
  readonly secretName: string;
  /** "synced", "syncing", "timeout", "closed"; ours also "unreachable" and "unusable". */
  readonly syncStatus: string;
  readonly problem?: string;
}

/** What the istiods of one cluster say of themselves. */
export interface ControlPlaneReport {
  readonly clusters: readonly RegisteredCluster[];
  /** Connected proxies. `id` is "pod.namespace". */
  readonly proxies: readonly { readonly cluster: string; readonly id: string }[];
}

/** Everything that is checked. */
export interface CheckedMesh {
  readonly clusters: readonly CheckedCluster[];
  /** By the cluster that they run in; one that does not answer is absent. */
  readonly controlPlanes: ReadonlyMap<string, ControlPlaneReport>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A Secret from which a control plane takes other clusters' credentials; the credentials themselves are not kept. */
export interface RemoteSecret {
  readonly name: string;
  readonly clusters: readonly string[];
}

/** What was read of a cluster, once for all checks. */
export interface ClusterView extends Omit<CheckedCluster, "client"> {
  readonly namespaces: readonly Namespace[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly pods: readonly Pod[];
  readonly deployments: readonly Deployment[];
  readonly remoteSecrets: readonly RemoteSecret[];
  readonly gateways: readonly KubeObject[];
  readonly virtualServices: readonly KubeObject[];
  readonly destinationRules: readonly KubeObject[];
  /** Istio's other objects. */
  readonly otherRules: readonly KubeObject[];
}

/** A cluster whose API did not answer. */
export interface UnreadCluster extends Omit<CheckedCluster, "client"> {
  readonly reason: string;
  readonly fix: string;
}

/** What checks look at. */
export interface MeshView extends Omit<CheckedMesh, "clusters"> {
  readonly clusters: readonly ClusterView[];
  readonly unread: readonly UnreadCluster[];
}

/** One check over the whole mesh. Pure: the same view gives the same findings. */
export type Check = (mesh: MeshView) => readonly Finding[];
