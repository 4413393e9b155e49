/** What one node stands for: every workload by itself, or workloads summed up. */
export type GraphLevel = "workload" | "app" | "versionedApp" | "service" | "cluster";

/** Who sends or takes requests. The cluster is part of its identity: the same workload in two clusters is two nodes. */
export interface TrafficNode {
  /** Stable for the same node over time, and usable in a URL. */
  readonly id: string;
  /**
   * "outside": callers without a proxy, and destinations that nobody of the mesh is. "cluster": a whole cluster, at
   * that level alone. "serviceEntry": a host that a ServiceEntry names and no workload of the mesh answers for.
   */
  readonly kind: "workload" | "app" | "service" | "serviceEntry" | "gateway" | "outside" | "cluster";
  /** "unknown" for what has none. */
  readonly cluster: string;
  /** "unknown" for what has none. */
  readonly namespace: string;
  readonly name: string;
  /** Canonical service, of workloads and apps. */
  readonly app?: string;
  /** Canonical revision, of workloads and versioned apps. */
  readonly version?: string;
}

/** What flows from one node to another, for one protocol, over the graph's range. */
export interface TrafficEdge {
  readonly from: string;
  readonly to: string;
  readonly protocol: "http" | "grpc" | "tcp";
  /** 0 for TCP. */
  readonly requestsPerSecond: number;
  /** Those of `requestsPerSecond` that had no answer or one of 5xx, or a gRPC status other than 0 that servers cause. */
  readonly failedPerSecond: number;
  /** Of all requests (connections for TCP) that `from` sends to the same service, the part that goes to `to`: 0 to 1. */
  readonly share: number;
  /** As the side measured it that reported the edge. Absent without requests in the range. */
  readonly latencyMs?: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly average: number;
  };
  /** Of `from`'s view: `sent` are requests' bodies or what a TCP client wrote. */
  readonly bytesPerSecond: { readonly sent: number; readonly received: number };
  /**
   * Of the traffic of which it is known, the part that came over mutual TLS: 0 to 1. Absent when of none it is known:
   * what never arrived, what a gateway passes on unopened, what goes to nobody of the mesh.
   */
  readonly mutualTls?: number;
  /** Requests a second by response code, "0" where none came; for gRPC by status. */
  readonly codes: Readonly<Record<string, number>>;
  /** Requests a second by Envoy's response flags, without those that have none. */
  readonly flags: Readonly<Record<string, number>>;
  /** Whether the two ends stand on different networks of the mesh, so that gateways are between them. */
  readonly crossesNetwork: boolean;
  /** SPIFFE identities, when all traffic of the edge has the same. */
  readonly principals?: { readonly from: string; readonly to: string };
  /** Host of the service that was asked for, when all traffic of the edge asked for the same. */
  readonly service?: string;
}

/** Who called whom, out of the metrics of both ends. Each request is counted once. */
export interface TrafficGraph {
  readonly level: GraphLevel;
  readonly rangeSeconds: number;
  /** End of the range, in milliseconds since 1970. */
  readonly at: number;
  /** In order of their ids. */
  readonly nodes: readonly TrafficNode[];
  /** In order of `from`, `to` and protocol. */
  readonly edges: readonly TrafficEdge[];
}

/** What a graph is to show. */
export interface GraphOptions {
  readonly level: GraphLevel;
  /** Rates are averages over so many seconds before `at`. Default 60. */
  readonly rangeSeconds?: number;
  /** Milliseconds since 1970; default now. Earlier moments replay what is kept. */
  readonly at?: number;
  /** Only edges with an end in one of these. Default all. */
  readonly namespaces?: readonly string[];
  /** Only edges with an end in one of these. Default all. */
  readonly clusters?: readonly string[];
  /** Put a node for the service that was asked for between caller and workload. Default false. */
  readonly withServices?: boolean;
  /** Keep edges and nodes that were seen within the retention but have no traffic in the range. Default false. */
  readonly withIdle?: boolean;
}
