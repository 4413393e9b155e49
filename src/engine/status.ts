import type { Finding } from "../checks/index.ts";

/** What `isthmus status -o json` prints: stable for scripts, only ever added to. */
export interface MeshStatus {
  readonly name: string;
  readonly version: string;
  readonly dataplane: "builtin" | "envoy";
  /** ISO 8601. */
  readonly startedAt: string;
  readonly state: "starting" | "ready" | "failed";
  readonly kubeconfig: string;
  /** The one that signs; the first cluster's, where they differ. */
  readonly root?: { readonly fingerprint: string; readonly notAfter: string };
  /** Fingerprints of all roots that are believed anywhere in the mesh, when there is more than one. */
  readonly roots?: readonly string[];
  /** A rotation of CAs that is not over. */
  readonly rotation?: RotationStatus;
  readonly clusters: readonly ClusterStatus[];
  readonly gateways: readonly GatewayStatus[];
  readonly peerings: readonly PeeringStatus[];
  readonly addons: readonly AddonStatus[];
  readonly proxies: readonly ProxyStatus[];
  readonly findings: readonly Finding[];
  readonly host: HostUsage;
}

/** What a running mesh takes of its machine. */
export interface HostUsage {
  /** Of the engine's process. */
  readonly pid: number;
  /** Resident memory of the process, bytes. */
  readonly memory: number;
  /** Processor time of the process since its start. */
  readonly cpuSeconds: number;
  readonly uptimeSeconds: number;
  /** What the pods of each running cluster use: processors kept busy, and bytes. Most of it is the process' own. */
  readonly clusters: readonly {
    readonly name: string;
    readonly pods: number;
    readonly cpu: number;
    readonly memory: number;
  }[];
}

/** A CA's certificate. Times in ISO 8601. */
export interface AuthorityStatus {
  readonly fingerprint: string;
  readonly subject: string;
  readonly notBefore: string;
  readonly notAfter: string;
}

export interface RotationStatus {
  readonly kind: "intermediates" | "root";
  readonly startedAt: string;
  /** The one under way, out of `steps`. */
  readonly step: string;
  readonly steps: readonly string[];
}

/** What `isthmus trust -o json` prints: stable for scripts, only ever added to. */
export interface TrustStatus {
  readonly clusters: readonly {
    readonly cluster: string;
    readonly trustDomain: string;
    readonly intermediate: AuthorityStatus;
    /** Above the intermediate. */
    readonly root: AuthorityStatus;
    /** All roots that workloads of the cluster believe. */
    readonly believed: readonly AuthorityStatus[];
  }[];
  readonly rotation?: RotationStatus;
}

export interface ClusterStatus {
  readonly name: string;
  /** "stopped": by `isthmus cluster stop`. */
  readonly state: "starting" | "ready" | "failed" | "stopped";
  readonly api: string;
  readonly role: "workload" | "management";
  readonly network?: string;
  readonly region?: string;
  /** The cluster whose istiod serves this one; itself when it has its own. */
  readonly primary: string;
  readonly istiod: boolean;
  readonly pods: { readonly ready: number; readonly total: number };
  /** As the control plane sees the cluster: "synced", or why not. */
  readonly registry?: string;
  /** Milliseconds from the engine's start until everything of this cluster was ready. */
  readonly readyAfter?: number;
  readonly waitingFor?: string;
}

export interface GatewayStatus {
  readonly cluster: string;
  readonly kind: "ingress" | "eastwest";
  readonly namespace: string;
  readonly name: string;
  /** Of its load balancer, or of a node when it is a NodePort. Absent: it has none yet. */
  readonly address?: string;
  /** The port as bound on this machine (the Service's port may need privileges), or the node port. */
  readonly port?: number;
  readonly url?: string;
}

/** A consumer that places pods on a provider. */
export interface PeeringStatus {
  readonly consumer: string;
  readonly provider: string;
  /** Pending: what it needs is being made. Unreachable: one of the two does not answer; what runs there goes on. */
  readonly state: "Established" | "Pending" | "Unreachable";
  /** What keeps it from being established, in words. */
  readonly problem?: string;
  /** What the provider grants, by resource. */
  readonly resources: Readonly<Record<string, string>>;
  /** Milliseconds for a connection from a node of one cluster to the API of the other; absent when none comes about. */
  readonly roundTrip: { readonly toProvider?: number; readonly toConsumer?: number };
  /** When the provider answered last, ISO 8601. */
  readonly lastSeen?: string;
}

export interface AddonStatus {
  readonly cluster: string;
  /** "jaeger", "prometheus" … */
  readonly name: string;
  readonly namespace: string;
  /** Of its page. */
  readonly url: string;
}

export interface ProxyStatus {
  /** Where it runs. */
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  /** STALE: a type of resources was sent and not taken, or not yet. */
  readonly state: "SYNCED" | "STALE" | "NOT SENT" | "NOT CONNECTED";
  /** What the proxy refused (NACK) and did not take since, in its words, by "CDS", "LDS" … */
  readonly rejections?: Readonly<Record<string, string>>;
  readonly istiod?: string;
}
