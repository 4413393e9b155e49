import type { ConfigMap, KubeObject, Namespace, Service } from "../../kube/index.ts";

/** What is read of one registered cluster. */
export interface InventoryCluster {
  readonly name: string;
  readonly primary: string;
  /** Registered clusters that its control plane serves, itself first; empty for a remote. */
  readonly served: readonly string[];
  /** Of its control plane. */
  readonly trustDomain: string | undefined;
  readonly namespaces: readonly Namespace[];
  readonly services: readonly Service[];
  /** Deployments, StatefulSets and DaemonSets. */
  readonly workloads: readonly WorkloadObject[];
  /** Of Istio's namespace. */
  readonly configMaps: readonly ConfigMap[];
  /** When what its control plane signs with expires, in milliseconds since 1970. */
  readonly signingNotAfter?: number | undefined;
}

/** What the inventory reads of a workload. */
export interface WorkloadObject extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly metadata?: {
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      };
      readonly spec: {
        readonly serviceAccountName?: string;
        readonly containers: readonly { readonly name: string; readonly image?: string }[];
      };
    };
  };
  readonly status?: {
    readonly readyReplicas?: number;
    readonly numberReady?: number;
    readonly desiredNumberScheduled?: number;
  };
}

/** What workspaces and federation say of it. */
export interface InventoryRelations {
  /** "cluster/namespace" to workspace. */
  readonly owners: ReadonlyMap<string, string>;
  /** "cluster/namespace/service" to the name that it has in other clusters. */
  readonly hosts: ReadonlyMap<string, string>;
}
