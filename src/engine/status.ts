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
  readonly root?: { readonly fingerprint: string; readonly notAfter: string };
  readonly clusters: readonly ClusterStatus[];
  readonly gateways: readonly GatewayStatus[];
  readonly addons: readonly { readonly cluster: string; readonly name: string; readonly url: string }[];
  readonly proxies: readonly ProxyStatus[];
  readonly findings: readonly Finding[];
}

export interface ClusterStatus {
  readonly name: string;
  /** "stopped": by `isthmus cluster stop`. */
  readonly state: "starting" | "ready" | "failed" | "stopped";
  readonly api: string;
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
  /** Absent: the load balancer has no address yet. */
  readonly address?: string;
  /** The port as bound on this machine (the Service's port may need privileges). */
  readonly port?: number;
  readonly url?: string;
}

export interface ProxyStatus {
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  /** STALE: a type of resources was sent and not taken, or not yet. */
  readonly state: "SYNCED" | "STALE" | "NOT SENT" | "NOT CONNECTED";
  /** What the proxy refused (NACK) and did not take since, in its words, by "CDS", "LDS" … */
  readonly rejections?: Readonly<Record<string, string>>;
  readonly istiod?: string;
}
