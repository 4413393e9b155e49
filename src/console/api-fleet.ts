/** What the console's API answers about clusters and their management, as api.ts does about the rest. */
import type { FleetGateway, WorkspaceProblem } from "../kube/index.ts";
import type { MeshCluster } from "./api.ts";
import type { SourceAuthority, SourceProxy } from "./contracts.ts";

export type { FleetGateway, SourceProxy, WorkspaceProblem };

/** A cluster that does not answer: what is said of it was so at `since`, 0 when it never answered. */
export interface AwayCluster {
  readonly cluster: string;
  readonly since: number;
  readonly reason: string;
}

/** GET /api/clusters */
export interface ClustersPage {
  /** In the order of the mesh file. */
  readonly clusters: readonly ClusterRow[];
}

export interface ClusterRow extends Omit<MeshCluster, "served"> {
  /** Of its API server: "1.33.1". */
  readonly kubernetesVersion: string;
  /** Absent: it went away before anybody asked for them. */
  readonly nodes?: { readonly ready: number; readonly total: number };
  /** Of what its workloads' certificates hang on, what ends first. Absent where nothing is signed. */
  readonly firstEnd?: { readonly of: "root" | "intermediate"; readonly at: number };
}

/** GET /api/clusters/C */
export interface ClusterPage {
  readonly cluster: ClusterRow;
  readonly away?: Omit<AwayCluster, "cluster">;
  readonly nodes: readonly ClusterNode[];
  /** Absent: it went away before anybody asked for them. */
  readonly namespaces?: readonly ClusterNamespace[];
  /** Those that are not in sync first. */
  readonly proxies: readonly SourceProxy[];
  /** Clusters whose proxies its control plane serves, itself included. */
  readonly serves: readonly string[];
  /** Absent where nothing is signed. */
  readonly trust?: {
    readonly domain: string;
    readonly root: SourceAuthority;
    readonly intermediate: SourceAuthority;
    /** All roots that its workloads believe. */
    readonly believed: readonly SourceAuthority[];
  };
}

export interface ClusterNode {
  readonly name: string;
  readonly isReady: boolean;
  /** Why it is not ready, in words. */
  readonly trouble?: string;
  /** It takes no further pods. */
  readonly isCordoned: boolean;
  /** It stands for another cluster, as Liqo has it. */
  readonly isVirtual: boolean;
  /** Of its kubelet: "v1.33.1". */
  readonly version?: string;
  readonly address?: string;
  readonly zone?: string;
  /** Addresses that its pods have: "10.244.0.0/24". */
  readonly podRange?: string;
  /** Absent: the cluster went away before anybody asked for them. */
  readonly pods?: { readonly ready: number; readonly total: number };
}

export interface ClusterNamespace {
  readonly name: string;
  /** Whether its pods get proxies, by its labels. */
  readonly isInjected: boolean;
  readonly workloads: number;
  readonly pods: { readonly ready: number; readonly total: number };
  readonly services: number;
}

/** GET /api/workspaces: what is kept on the mesh's management clusters. */
export interface WorkspacesPage {
  /** Clusters of the role `management`; without one there are no workspaces. */
  readonly managers: readonly string[];
  readonly away: readonly AwayCluster[];
  readonly workspaces: readonly WorkspaceRow[];
  readonly meshes: readonly FleetMeshRow[];
  readonly registrations: readonly RegistrationRow[];
}

export interface WorkspaceRow {
  /** Where the object is. */
  readonly manager: string;
  readonly name: string;
  /** Those that exist, by cluster. */
  readonly namespaces: readonly { readonly cluster: string; readonly names: readonly string[] }[];
  /** Those that it names and that do not exist; "*": in no cluster at all. */
  readonly missing: readonly { readonly cluster: string; readonly name: string }[];
  /** Absent: whoever may use it may use everything of it. */
  readonly exports?: readonly string[];
  readonly exportTo: readonly string[];
  readonly importFrom: readonly string[];
  readonly isIsolated: boolean;
  /** Names that its exports have in other clusters. */
  readonly hosts: readonly string[];
  /** Accepted: all of it can hold. */
  readonly accepted: WorkspaceCondition;
  /** Enforced: every control plane has it. */
  readonly enforced: WorkspaceCondition;
  readonly problems: readonly WorkspaceProblem[];
}

export interface WorkspaceCondition {
  /** "Pending": nobody has looked at what it says now. */
  readonly status: "True" | "False" | "Unknown" | "Pending";
  readonly reason?: string;
  readonly message?: string;
}

/** A control plane that the manager found. */
export interface FleetMeshRow {
  readonly manager: string;
  readonly name: string;
  readonly cluster: string;
  readonly version?: string;
  readonly trustDomain?: string;
  readonly network?: string;
  /** Absent: nobody said yet. */
  readonly isReady?: boolean;
  readonly gateways: readonly FleetGateway[];
  readonly certificate?: {
    readonly rootFingerprint: string;
    readonly rootNotAfter: number;
    /** Absent as long as its istiod does not say. */
    readonly intermediateNotAfter?: number;
  };
  /** Registered clusters that it serves. */
  readonly serves: readonly string[];
}

/** A cluster that is registered on a management cluster. */
export interface RegistrationRow {
  readonly manager: string;
  readonly cluster: string;
  readonly state: "Waiting" | "Connected" | "Disconnected";
  /** When its agent was last heard of; absent: never. */
  readonly lastHeartbeat?: number;
  readonly agentVersion?: string;
  readonly kubernetesVersion?: string;
  readonly message?: string;
}
