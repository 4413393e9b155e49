/**
 * What the console's API answers, for its pages and for programs. Times are milliseconds since 1970, rates are per
 * second. Every answer that names an object names its cluster.
 */
import type { Finding, ObjectReference } from "../checks/index.ts";
import type { LoadReport } from "../load/index.ts";
import type { TrafficEdge, TrafficGraph, TrafficNode, TrailStep } from "../telemetry/index.ts";
import type { VerifyReport } from "../verify/index.ts";
import type { SourceAuthority, SourceEndpoint, SourceGateway, SourcePeering } from "./contracts.ts";

export type {
  Finding,
  LoadReport,
  ObjectReference,
  SourceAuthority,
  SourceEndpoint,
  SourceGateway,
  SourcePeering,
  TrafficEdge,
  TrafficGraph,
  TrafficNode,
  TrailStep,
  VerifyReport,
};

/** A failure, as every call answers it. */
export interface ApiFailure {
  readonly code: string;
  readonly message: string;
  readonly nextStep?: string;
}

/** What is measured of some requests over a range. */
export interface Traffic {
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
  /** Absent without requests. */
  readonly latencyMs?: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** Part that came over mutual TLS of the requests of which it is known, 0 to 1; absent without any. */
  readonly mutualTls?: number;
}

/** GET /api/mesh?range=60 */
export interface MeshPage {
  readonly name: string;
  readonly version: string;
  /** All that there are: "1.29.2, 1.30.0". */
  readonly istioVersion: string;
  readonly dataplane: "builtin" | "envoy";
  /** All that there are: "cluster-1, cluster-2". */
  readonly trustDomain: string;
  readonly startedAt: number;
  readonly clusters: readonly MeshCluster[];
  readonly links: readonly MeshLink[];
  readonly peerings: readonly SourcePeering[];
  readonly root?: SourceAuthority;
  /** False: clusters have different roots, so they do not believe each other. */
  readonly isOneRoot: boolean;
  readonly findings: { readonly errors: number; readonly warnings: number };
  /** Absent while nobody measures. */
  readonly traffic?: MeshTraffic;
  /** Absent before the first. */
  readonly proof?: Proof;
  readonly addons: readonly { readonly cluster: string; readonly name: string; readonly url: string }[];
}

export interface MeshTraffic extends Traffic {
  readonly rangeSeconds: number;
  /** Part of the requests that crossed from one network to another, 0 to 1. */
  readonly crossing: number;
}

export interface MeshCluster {
  readonly name: string;
  readonly network?: string;
  readonly region?: string;
  readonly role: "workload" | "management";
  readonly primary: string;
  readonly istioVersion: string;
  readonly hasControlPlane: boolean;
  readonly state: "ready" | "starting" | "failed" | "stopped";
  readonly waitingFor?: string;
  /** When its API answered last; absent while it answers. */
  readonly lastSeen?: number;
  readonly api: string;
  readonly registry?: string;
  readonly proxies: { readonly synced: number; readonly total: number };
  readonly pods: { readonly ready: number; readonly total: number };
  readonly workloads: number;
  readonly gateways: readonly SourceGateway[];
  readonly intermediate?: SourceAuthority;
  /** Requests that its workloads answered; absent while nobody measures. */
  readonly served?: Traffic & { readonly history: readonly number[] };
}

/** Requests from one cluster to another, or within one. */
export interface MeshLink extends Traffic {
  readonly from: string;
  readonly to: string;
  readonly crossesNetwork: boolean;
  /** The east-west gateway that they go through, "address:port". */
  readonly through?: string;
  readonly isCut: boolean;
  /** Requests per second over the range, oldest first. */
  readonly history: readonly number[];
}

/** What the last verification found. */
export interface Proof {
  readonly at: number;
  readonly ok: boolean;
  readonly requests: number;
  readonly problems: readonly string[];
  readonly milliseconds: number;
}

/** GET /api/checks */
export interface ChecksPage {
  readonly findings: readonly ShownFinding[];
}

/** A finding with what the console knows of it. */
export interface ShownFinding extends Finding {
  /** The same as long as it is about the same. */
  readonly id: string;
  readonly firstSeen: number;
  /** The same as its remedies, one each; empty where nothing can be done without a choice. */
  readonly commands: readonly string[];
}

/** GET /api/workloads */
export interface WorkloadsPage {
  readonly workloads: readonly WorkloadRow[];
  /** Clusters whose rows are those of their last answer. */
  readonly away: readonly { readonly cluster: string; readonly since: number; readonly reason: string }[];
  readonly rangeSeconds: number;
  readonly isMeasured: boolean;
}

export interface WorkloadId {
  readonly cluster: string;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
}

export interface WorkloadRow extends WorkloadId {
  /** The other cluster that all its pods are offloaded to. */
  readonly runsIn?: string;
  readonly app?: string;
  readonly version?: string;
  readonly serviceAccount: string;
  readonly pods: { readonly ready: number; readonly wanted: number };
  /** Why pods are not ready, in words. */
  readonly trouble?: string;
  /** "none": no pod has a proxy, so that it is not in the mesh. */
  readonly proxies: ProxySummary;
  readonly role: "app" | "gateway" | "control plane" | "system";
  readonly inbound?: Traffic;
  readonly outbound?: Traffic;
}

export type ProxySummary =
  | { readonly state: "none" }
  | { readonly state: "synced" | "stale" | "disconnected"; readonly synced: number; readonly total: number };

/** GET /api/clusters/C/namespaces/N/workloads/NAME?kind=Deployment */
export interface WorkloadPage {
  readonly row: WorkloadRow;
  readonly away?: { readonly since: number; readonly reason: string };
  /** "spiffe://cluster.local/ns/N/sa/A"; absent without a proxy. */
  readonly identity?: string;
  readonly images: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly pods: readonly WorkloadPod[];
  /** Services that select its pods, "name" of the same namespace. */
  readonly services: readonly string[];
  readonly inbound: readonly Neighbour[];
  readonly outbound: readonly Neighbour[];
  readonly rangeSeconds: number;
  readonly isMeasured: boolean;
  /** Absent without a measured range. */
  readonly history?: WorkloadHistory;
  /** Objects that say how its requests are treated. */
  readonly policies: readonly ObjectReference[];
}

export interface WorkloadPod {
  readonly name: string;
  readonly node?: string;
  readonly address?: string;
  readonly isReady: boolean;
  readonly restarts: number;
  readonly startedAt?: number;
  readonly trouble?: string;
  readonly proxy?: {
    readonly state: string;
    readonly istiod?: string;
    readonly rejections: readonly string[];
  };
}

/** The other end of requests. */
export interface Neighbour extends Traffic {
  readonly node: TrafficNode;
  readonly service?: string;
  readonly protocol: TrafficEdge["protocol"];
  readonly crossesNetwork: boolean;
}

export interface WorkloadHistory {
  /** Seconds between two values. */
  readonly step: number;
  readonly start: number;
  readonly requestsPerSecond: readonly number[];
  readonly failedPerSecond: readonly number[];
  readonly p95: readonly (number | null)[];
}

/** GET /api/clusters/C/namespaces/N/pods/POD/destinations */
export interface DestinationsPage {
  readonly destinations: readonly Destination[];
}

/** Where a proxy may send requests for one host and port. */
export interface Destination {
  /** "outbound|5000|v1|reviews.default.svc.cluster.local" */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly subset?: string;
  readonly endpoints: readonly ExplainedEndpoint[];
  /** What is worth knowing of all of them together. */
  readonly note?: string;
  /** Pods of the service that are not among the endpoints, and why. */
  readonly missing: readonly MissingEndpoint[];
}

export interface ExplainedEndpoint {
  readonly endpoint: string;
  readonly health: string;
  readonly priority: number;
  readonly weight: number;
  readonly locality: string;
  /** Where its requests end; absent for addresses outside the mesh. */
  readonly cluster?: string;
  /** Pod, or gateway for a whole cluster. */
  readonly target?: { readonly kind: "pod" | "gateway"; readonly name: string; readonly namespace: string };
  /** In words: what put it there. */
  readonly because: string;
  readonly decidedBy: readonly ObjectReference[];
}

export interface MissingEndpoint {
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  readonly because: string;
}

/** GET /api/traffic?level=versionedApp&range=60&ns=&clusters=&services=1&idle=1&at= */
export interface TrafficPage {
  /** Absent while nobody measures. */
  readonly graph?: TrafficGraph;
  /** By id of node, what else is known of it. */
  readonly facts: Readonly<Record<string, NodeFacts>>;
  /** Namespaces there are, of all clusters. */
  readonly namespaces: readonly string[];
}

export interface NodeFacts {
  /** Workloads without a proxy. */
  readonly isOutsideMesh?: true;
  /** A VirtualService rules over requests to it. */
  readonly hasVirtualService?: true;
}

/** GET /api/services?range=60 */
export interface ServicesPage {
  readonly services: readonly ServiceRow[];
  readonly away: readonly { readonly cluster: string; readonly since: number; readonly reason: string }[];
  /** Those that could have services, in the order of the mesh file. */
  readonly clusters: readonly string[];
  readonly isMeasured: boolean;
}

export interface ServiceRow {
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
  /** "80 http" */
  readonly ports: readonly string[];
  readonly clusters: readonly {
    readonly cluster: string;
    readonly type: string;
    /** What its name is answered with there. */
    readonly answer: readonly string[];
    readonly endpoints: { readonly ready: number; readonly total: number };
  }[];
  /** VirtualServices and DestinationRules about it. */
  readonly rules: readonly ObjectReference[];
  readonly traffic?: Traffic;
}

/** GET /api/config */
export interface ConfigPage {
  readonly objects: readonly ConfigRow[];
  readonly away: readonly { readonly cluster: string; readonly since: number; readonly reason: string }[];
}

export interface ConfigRow {
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Made from the mesh file. */
  readonly isGenerated: boolean;
  /** The field of the mesh file that caused it. */
  readonly from?: string;
  /** False in a remote cluster: its control plane, elsewhere, does not look there. */
  readonly isRead: boolean;
  readonly errors: number;
  readonly warnings: number;
  readonly createdAt?: number;
}

/** GET /api/config/C/KIND/NAMESPACE/NAME */
export interface ConfigObject {
  readonly yaml: string;
  readonly findings: readonly Finding[];
  readonly isAway: boolean;
}

/** GET /api/trust */
export interface TrustPage {
  /** All that there are. */
  readonly trustDomain: string;
  readonly clusters: readonly {
    readonly cluster: string;
    readonly root: SourceAuthority;
    readonly intermediate: SourceAuthority;
    /** All roots that its workloads believe. */
    readonly believed: readonly SourceAuthority[];
    /** Proxies that have a certificate of it. */
    readonly proxies: number;
    /** Clusters whose workloads believe those of this one. */
    readonly believedBy: readonly string[];
  }[];
}

export interface PodReference {
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
}

/** GET /api/live: the newest requests by access logs, newest first. */
export interface LivePage {
  readonly requests: readonly LiveRow[];
  /** Clusters whose logs can't be read now. */
  readonly away: readonly string[];
  /** False: no proxy wrote of any request, so access logs may be off. */
  readonly hasEntries: boolean;
}

export interface LiveRow {
  readonly id: string;
  readonly start: number;
  /** Absent: whoever asked has no proxy. */
  readonly from?: PodReference;
  /** Absent: nobody got it. */
  readonly to?: PodReference;
  /** The service that was meant. */
  readonly host?: string;
  readonly port?: number;
  readonly subset?: string;
  /** As the request names its host. */
  readonly authority?: string;
  /** Absent for TCP. */
  readonly method?: string;
  readonly path?: string;
  readonly requestId?: string;
  /** 0: no answer, or TCP. */
  readonly status: number;
  readonly flags: readonly string[];
  readonly durationMs: number;
  readonly hasFailed: boolean;
  /** Decision by decision. */
  readonly trail: readonly TrailStep[];
}

/** GET /api/traces: the newest first. */
export interface TracesPage {
  readonly traces: readonly TraceRow[];
  /** Everybody who reported a span. */
  readonly services: readonly string[];
}

export interface TraceRow {
  readonly id: string;
  /** Of the span that began it. */
  readonly service: string;
  readonly name: string;
  readonly start: number;
  readonly durationMs: number;
  readonly services: readonly { readonly name: string; readonly spans: number }[];
  readonly spanCount: number;
  readonly errors: number;
}

/** GET /api/traces/ID */
export interface TracePage extends TraceRow {
  /** Each after the one that caused it. */
  readonly spans: readonly TraceSpan[];
}

export interface TraceSpan {
  readonly id: string;
  readonly depth: number;
  readonly service: string;
  readonly name: string;
  readonly kind?: string;
  readonly cluster?: string;
  /** From the trace's start. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly isError: boolean;
  readonly tags: readonly (readonly [key: string, value: string])[];
  readonly events: readonly { readonly atMs: number; readonly text: string }[];
}

/** GET /api/index: everything that the search finds. */
export interface SearchIndex {
  readonly entries: readonly SearchEntry[];
}

export interface SearchEntry {
  readonly kind: string;
  readonly cluster: string;
  readonly namespace?: string;
  readonly name: string;
}

/** What can be changed from the pages. */
export type Action =
  | {
      readonly kind: "shift";
      readonly namespace: string;
      readonly service: string;
      /** By version; sums up to 100. */
      readonly weights: Readonly<Record<string, number>>;
    }
  | {
      readonly kind: "fault";
      readonly namespace: string;
      readonly service: string;
      /** Undefined takes a fault away. */
      readonly delay?: { readonly percentage: number; readonly milliseconds: number };
      readonly abort?: { readonly percentage: number; readonly status: number };
    }
  | ({ readonly kind: "scale"; readonly replicas: number } & {
      readonly workload: WorkloadId;
    })
  | { readonly kind: "cluster"; readonly cluster: string; readonly wanted: "running" | "stopped" }
  | {
      readonly kind: "link";
      readonly between: readonly [string, string];
      readonly wanted: "cut" | "whole";
    }
  | LoadAction
  /** Ends a load before its time. */
  | { readonly kind: "end-load"; readonly id: string }
  /** Does what a finding's fix says, where that leaves nothing to choose: `finding` is its id. */
  | { readonly kind: "fix"; readonly finding: string };

/** Sends GET requests in the name of a workload, through its sidecar. */
export interface LoadAction {
  readonly kind: "load";
  readonly from: WorkloadId;
  /** As the workload would write it: "http://helloworld:5000/hello". */
  readonly url: string;
  /** Requests a second, 1 to 1000. */
  readonly rate: number;
  /** How long, 1 to 600. */
  readonly seconds: number;
  /** Requests under way at the same time, 1 to 100. */
  readonly connections: number;
}

/** GET /api/loads: the loads of this console that go on, then the last that ended, newest first. */
export interface LoadsPage {
  readonly loads: readonly ShownLoad[];
}

export interface ShownLoad extends Omit<LoadAction, "kind"> {
  readonly id: string;
  readonly startedAt: number;
  readonly state: "running" | "ending" | "ended";
  readonly report: LoadReport;
}

/** POST /api/actions/plan (an Action) and /api/actions/apply ({action, seen: the plan's id}): what it changes. */
export interface Plan {
  /** The same for the same changes: what was seen is what is applied. */
  readonly id: string;
  /** In words, what happens. */
  readonly summary: string;
  /** The same by command line. */
  readonly commands: readonly string[];
  readonly objects: readonly PlannedObject[];
}

export interface PlannedObject {
  readonly reference: ObjectReference;
  /** YAML; absent for an object that does not exist yet. */
  readonly before?: string;
  /** YAML; absent for an object that is deleted, of which no content is told. */
  readonly after?: string;
}

/** GET /api/shift/NAMESPACE/SERVICE: what there is to share requests among. */
export interface ShiftPage {
  readonly versions: readonly {
    readonly version: string;
    readonly weight: number;
    /** Measured share of requests over the range, 0 to 1; absent without requests. */
    readonly share?: number;
    readonly workloads: readonly WorkloadId[];
  }[];
  readonly virtualService?: ObjectReference;
  /** Seconds of the measured shares. */
  readonly rangeSeconds: number;
}
