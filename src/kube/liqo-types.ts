import type { NodeSelectorTerm } from "./node-selector.ts";
import type { KubeObject } from "./object.ts";
import type { Node, PodSpec } from "./types.ts";

/*
 * Kinds of Liqo (https://docs.liqo.io), reduced to what a peering needs. Their conditions have words of their own where
 * Kubernetes has True and False.
 */

export interface LiqoCondition<Type extends string = string, Status extends string = string> {
  readonly type: Type;
  readonly status: Status;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** core.liqo.io: the other cluster of a peering, seen from this one. */
export interface ForeignCluster extends KubeObject {
  readonly spec: { readonly clusterID: string };
  readonly status?: {
    /** What the other cluster is for this one. */
    readonly role: "Consumer" | "Provider" | "ConsumerAndProvider" | "Unknown";
    readonly apiServerUrl?: string;
    readonly observedGeneration?: number;
    readonly tenantNamespace?: { readonly local?: string; readonly remote?: string };
    readonly conditions?: readonly ForeignClusterCondition[];
    readonly modules?: Readonly<Record<"networking" | "authentication" | "offloading", ForeignClusterModule>>;
  };
}

export interface ForeignClusterModule {
  readonly enabled: boolean;
  readonly conditions?: readonly ForeignClusterCondition[];
}

export type ForeignClusterCondition = LiqoCondition<
  | "APIServerStatus"
  | "NetworkConnectionStatus"
  | "AuthIdentityControlPlaneStatus"
  | "AuthTenantStatus"
  | "OffloadingVirtualNodeStatus"
  | "OffloadingNodeStatus",
  "None" | "Pending" | "Established" | "Error" | "Ready" | "NotReady" | "SomeNotReady"
>;

/** authentication.liqo.io: resources that the consumer asks for, and what the provider grants of them. */
export interface ResourceSlice extends KubeObject {
  readonly spec?: {
    readonly class?: string;
    readonly consumerClusterID?: string;
    readonly providerClusterID?: string;
    readonly resources?: Readonly<Record<string, string | number>>;
  };
  readonly status?: {
    readonly conditions?: readonly ResourceSliceCondition[];
    readonly resources?: Readonly<Record<string, string | number>>;
    readonly nodeLabels?: Readonly<Record<string, string>>;
  };
}

export type ResourceSliceCondition = LiqoCondition<"Authentication" | "Resources", "Accepted" | "Denied">;

/** offloading.liqo.io: a node on the consumer whose pods run on the provider. */
export interface VirtualNode extends KubeObject {
  readonly spec?: {
    readonly clusterID?: string;
    /** Absent: true. */
    readonly createNode?: boolean;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly taints?: NonNullable<Node["spec"]>["taints"];
    readonly resourceQuota?: { readonly hard?: Readonly<Record<string, string | number>> };
    readonly offloadingPatch?: {
      readonly nodeSelector?: Readonly<Record<string, string>>;
      readonly tolerations?: PodSpec["tolerations"];
      readonly affinity?: { readonly nodeAffinity?: unknown };
    };
  };
  readonly status?: { readonly conditions?: readonly VirtualNodeCondition[] };
}

export type VirtualNodeCondition = LiqoCondition<
  "VirtualKubelet" | "Node",
  "None" | "Running" | "Creating" | "Draining" | "Deleting"
>;

/** offloading.liqo.io: the namespace that it stands in may have pods on other clusters. Named "offloading". */
export interface NamespaceOffloading extends KubeObject {
  readonly spec: {
    readonly podOffloadingStrategy?: "Local" | "Remote" | "LocalAndRemote";
    readonly namespaceMappingStrategy?: "EnforceSameName" | "DefaultName" | "SelectedName";
    readonly remoteNamespaceName?: string;
    /** Over the labels of virtual nodes. No terms: all of them. */
    readonly clusterSelector?: { readonly nodeSelectorTerms: readonly NodeSelectorTerm[] };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly offloadingPhase?: OffloadingPhase;
    readonly remoteNamespaceName?: string;
    /** By cluster. */
    readonly remoteNamespacesConditions?: Readonly<Record<string, readonly RemoteNamespaceCondition[]>>;
  };
}

export type OffloadingPhase =
  | "Ready"
  | "NoClusterSelected"
  | "InProgress"
  | "SomeFailed"
  | "AllFailed"
  | "Terminating";

export type RemoteNamespaceCondition = LiqoCondition<
  "OffloadingRequired" | "Ready",
  "True" | "False" | "Unknown"
>;
