import type { KubeObject } from "./object.ts";
import type { Condition } from "./types.ts";

/*
 * Kinds of management.isthmus.dev, which live on a management cluster: what it was told (spec) and what it found out
 * (status).
 */

/** A workload cluster that is registered here, under its name. */
export interface KubernetesCluster extends KubeObject {
  readonly spec?: {
    /** The cluster whose istiod serves it. Absent: its own. */
    readonly primary?: string;
    /** Clusters that its control plane reads with tokens that end: the manager renews them. Absent: none. */
    readonly remoteCredentials?: {
      readonly clusters: readonly string[];
      /** In seconds. */
      readonly lifetime: number;
    };
  };
  readonly status?: {
    /** "Waiting": its agent has never called. */
    readonly state: "Waiting" | "Connected" | "Disconnected";
    /** When its agent was last heard of; ISO 8601. */
    readonly lastHeartbeat?: string;
    readonly connectedSince?: string;
    readonly agentVersion?: string;
    readonly kubernetesVersion?: string;
    readonly message?: string;
  };
}

/** A control plane that was found in a registered cluster. */
export interface FleetMesh extends KubeObject {
  readonly spec: { readonly cluster: string; readonly namespace: string };
  readonly status?: FleetMeshStatus;
}

export interface FleetMeshStatus {
  /** Of Istio, as the image's tag says. */
  readonly version?: string;
  readonly trustDomain?: string;
  readonly network?: string;
  /** Whether one of its istiods is ready. */
  readonly ready?: boolean;
  readonly gateways?: readonly FleetGateway[];
  /** The root that its workloads trust; ISO 8601. */
  readonly certificate?: {
    readonly rootNotAfter: string;
    readonly rootFingerprint: string;
    /** Of what its istiod signs with; absent as long as istiod does not say. */
    readonly intermediateNotAfter?: string;
  };
  /** Registered clusters that it serves, its own first. */
  readonly clusters?: readonly string[];
}

export interface FleetGateway {
  readonly kind: "ingress" | "eastwest";
  readonly namespace: string;
  readonly name: string;
  /** IP addresses or host names that clients outside reach it by; empty as long as it has none. */
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
}

/** A workload (Deployment, StatefulSet, DaemonSet) of a registered cluster. */
export interface FleetWorkload extends KubeObject {
  readonly spec: {
    readonly cluster: string;
    readonly namespace: string;
    readonly kind: string;
    readonly name: string;
  };
  readonly status?: {
    /** "1/2" */
    readonly ready: string;
    /** Whether its pods have a proxy. */
    readonly injected: boolean;
    /** SPIFFE identities of its pods. */
    readonly identities: readonly string[];
    readonly app?: string;
    readonly version?: string;
    readonly workspace?: string;
  };
}

/** A Service of a registered cluster. */
export interface FleetDestination extends KubeObject {
  readonly spec: { readonly cluster: string; readonly namespace: string; readonly name: string };
  readonly status?: {
    readonly ports: readonly { readonly port: number; readonly name?: string; readonly protocol?: string }[];
    readonly workspace?: string;
    /** Its name in the other clusters, when it is exported. */
    readonly globalHost?: string;
    /** Names of the workloads behind it. */
    readonly workloads: readonly string[];
  };
}

/** A team's share of the fleet: namespaces over clusters, what others may use of them, what they use of others. */
export interface Workspace extends KubeObject {
  readonly spec: {
    /** "*" as a name: every registered cluster. */
    readonly clusters: readonly { readonly name: string; readonly namespaces: readonly string[] }[];
    /** "service.namespace", "*.namespace", or "*" for all: these get a name in every cluster of the fleet. */
    readonly exports?: readonly string[];
    readonly exportTo?: readonly string[];
    readonly importFrom?: readonly string[];
    /** Whether only its own namespaces and importing workspaces may call it. */
    readonly isolation?: boolean;
  };
  readonly status?: WorkspaceStatus;
}

export interface WorkspaceStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  /** "cluster/namespace" of those that exist. */
  readonly namespaces?: readonly string[];
  /** Names that its exports have. */
  readonly hosts?: readonly string[];
  readonly problems?: readonly WorkspaceProblem[];
}

export interface WorkspaceProblem {
  readonly severity: "error" | "warning";
  /** For machines: "NamespaceInTwoWorkspaces", "NotImported" … */
  readonly reason: string;
  readonly message: string;
}
