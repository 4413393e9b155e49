import type { KubeObject, Service, WorkspaceProblem } from "../../kube/index.ts";
import type { Offer } from "../federation/contracts.ts";

/** A workspace as someone declared it, in whatever form. */
export interface WorkspaceDeclaration {
  readonly name: string;
  /** ISO 8601; where two claim a namespace, the older one has it. */
  readonly createdAt: string;
  /** What its objects are due to: a field of the mesh file, or the object that declares it. */
  readonly from: string;
  /** By cluster, or "*" for every registered one. */
  readonly namespaces: readonly { readonly cluster: string; readonly names: readonly string[] }[];
  /** "service.namespace", "*.namespace", or "*". */
  readonly exports: readonly string[];
  readonly exportTo: readonly string[];
  readonly importFrom: readonly string[];
  readonly isolation: boolean;
}

/** What is known of one registered cluster. */
export interface WorkspaceCluster {
  readonly name: string;
  /** The cluster whose control plane serves it and reads Istio's objects for it. */
  readonly primary: string;
  /** Trust domain of its workloads. Undefined: nothing was ever heard of it. */
  readonly trustDomain: string | undefined;
  /** Empty as long as the cluster was not heard of. */
  readonly namespaces: readonly { readonly name: string; readonly isInjected: boolean }[];
  readonly services: readonly Service[];
  /** Of users: PeerAuthentications and Sidecars that hold for a whole namespace. */
  readonly wholeNamespace: readonly KubeObject[];
}

/** What follows from the workspaces of a fleet. */
export interface Translation {
  /** By primary: all objects of ours in its API. */
  readonly objects: ReadonlyMap<string, readonly KubeObject[]>;
  /** For federation: services that get a name in other clusters, and who sees it. */
  readonly offers: readonly Offer[];
  /** By workspace. */
  readonly states: ReadonlyMap<string, WorkspaceState>;
  /** "cluster/namespace" to the workspace that has it. */
  readonly owners: ReadonlyMap<string, string>;
}

export interface WorkspaceState {
  /** "cluster/namespace" of those that exist, sorted. */
  readonly namespaces: readonly string[];
  readonly problems: readonly WorkspaceProblem[];
}
