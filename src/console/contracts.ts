import type { Finding } from "../checks/index.ts";
import type { KubeClient } from "../kube/index.ts";
import type { Load, LoadOptions } from "../load/index.ts";
import type { Live, Telemetry, Traces } from "../telemetry/index.ts";
import type { VerifyReport } from "../verify/index.ts";

/** A cluster of the mesh as the console sees it. */
export interface SourceCluster {
  readonly name: string;
  readonly network?: string;
  readonly region?: string;
  /** The cluster whose istiod serves this one; itself when it has its own. */
  readonly primary: string;
  readonly role: "workload" | "management";
  /** Of its API server: "1.33.1". */
  readonly kubernetesVersion: string;
  /** Of its control plane's Istio; without meaning for a management cluster, as is `trustDomain`. */
  readonly istioVersion: string;
  /** What its workloads' identities begin with. */
  readonly trustDomain: string;
  /** URL of its Kubernetes API. */
  readonly api: string;
  /** Answers with a failure while the cluster is away. */
  readonly client: KubeClient;
  /** "stopped": on purpose. */
  readonly state: "ready" | "starting" | "failed" | "stopped";
  readonly waitingFor?: string;
  readonly pods: { readonly ready: number; readonly total: number };
  /** How its control plane's registry stands with the cluster: "synced", or why not. */
  readonly registry?: string;
}

/** How one proxy stands with its istiod. */
export interface SourceProxy {
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  readonly state: "SYNCED" | "STALE" | "NOT SENT" | "NOT CONNECTED";
  /** What it refused, by "CDS", "LDS" … */
  readonly rejections?: Readonly<Record<string, string>>;
  readonly istiod?: string;
}

/** A gateway of the mesh file. */
export interface SourceGateway {
  readonly cluster: string;
  readonly kind: "ingress" | "eastwest";
  readonly namespace: string;
  readonly name: string;
  /** Absent: it has none yet. */
  readonly address?: string;
  readonly port?: number;
  readonly url?: string;
}

/** Pods of one cluster that may run in another, as Liqo peers them. */
export interface SourcePeering {
  readonly consumer: string;
  readonly provider: string;
  readonly state: "Established" | "Pending" | "Unreachable";
  /** What keeps it from being established, in words. */
  readonly problem?: string;
  /** What the provider grants, by resource. */
  readonly resources: Readonly<Record<string, string>>;
  /** Milliseconds for a connection from one to the API of the other; absent when none comes about. */
  readonly roundTrip: { readonly toProvider?: number; readonly toConsumer?: number };
}

/** A certificate authority of the mesh, without its key. */
export interface SourceAuthority {
  /** SHA-256 of the certificate, as hexadecimal pairs. */
  readonly fingerprint: string;
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What certificates of one cluster are signed with. */
export interface SourceTrust {
  readonly cluster: string;
  /** Above the intermediate. */
  readonly root: SourceAuthority;
  readonly intermediate: SourceAuthority;
  /** All roots that its workloads believe; more than one during a rotation, or where clusters exchange theirs. */
  readonly believed: readonly SourceAuthority[];
}

/** One endpoint that a proxy knows, as `istioctl proxy-config endpoints` has it. */
export interface SourceEndpoint {
  /** "10.244.1.9:5000" */
  readonly endpoint: string;
  readonly status: string;
  readonly outlierCheck: "OK" | "FAILED";
  /** "outbound|5000||reviews.default.svc.cluster.local" */
  readonly cluster: string;
  /** "region/zone/subzone" */
  readonly locality: string;
  readonly priority: number;
  readonly weight: number;
}

/** Requests that are to be sent. */
export interface SourceLoad extends Pick<LoadOptions, "url" | "rate" | "milliseconds" | "connections"> {
  readonly from: {
    readonly cluster: string;
    readonly namespace: string;
    /** Deployment, StatefulSet or DaemonSet. */
    readonly kind: string;
    readonly name: string;
  };
}

/** The mesh as it is right now, without its objects. */
export interface SourceState {
  readonly name: string;
  readonly version: string;
  readonly dataplane: "builtin" | "envoy";
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** In the order of the mesh file. */
  readonly clusters: readonly SourceCluster[];
  readonly gateways: readonly SourceGateway[];
  readonly proxies: readonly SourceProxy[];
  readonly trust: readonly SourceTrust[];
  readonly addons: readonly { readonly cluster: string; readonly name: string; readonly url: string }[];
  readonly peerings: readonly SourcePeering[];
  /** Links that are cut on purpose. */
  readonly cutLinks: readonly { readonly between: readonly [string, string] }[];
}

/**
 * The mesh as the console reads and changes it. The console declares it, and whoever runs a mesh implements it, so
 * that the same pages show an embedded mesh and real clusters.
 *
 * - A cluster that is away fails nothing: its entry says so, and its client rejects.
 * - Nothing it gives out holds a key, a token or the data of a Secret, except what `client` reads; pages must not
 *   pass that on.
 */
export interface ConsoleSource {
  state(): Promise<SourceState>;
  /** What is wrong, worst first, hints included. */
  findings(): Promise<readonly Finding[]>;
  /** What is known of the traffic; undefined when nobody measures it. */
  readonly telemetry: Pick<Telemetry, "graph" | "workloads" | "query" | "queryRange"> | undefined;
  /** Requests as they come, by the access logs of all proxies. */
  live(): Promise<Pick<Live, "requests" | "away" | "hasEntries">>;
  /** What was reported to collectors of traces. */
  traces(): Promise<Pick<Traces, "find" | "get" | "services">>;
  /** The outbound endpoints that the proxy of a pod knows. workload/not-found without a proxy. */
  endpoints(pod: {
    readonly cluster: string;
    readonly namespace: string;
    readonly name: string;
  }): Promise<readonly SourceEndpoint[]>;
  /** Proves by requests that the mesh works. */
  verify(signal: AbortSignal): Promise<VerifyReport>;
  /**
   * Sends requests in the name of a ready pod of a workload, through its sidecar where it has one, until their time is
   * over or the signal aborts. workload/not-found without such a pod.
   */
  startLoad(wanted: SourceLoad, signal: AbortSignal): Promise<Load>;
  /** Stops or starts one cluster. Resolves when it is so. */
  setCluster(name: string, wanted: "running" | "stopped", signal: AbortSignal): Promise<void>;
  /** Cuts what is between two clusters, or heals it. */
  setLink(between: readonly [string, string], wanted: "cut" | "whole"): void;
}
