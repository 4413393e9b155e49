import type { Finding } from "../../checks/index.ts";
import { type ApiResponse, type ApiTransport, createKubeClient, type KubeObject } from "../../kube/index.ts";
import type {
  GraphOptions,
  LiveRequest,
  Traces,
  TrafficEdge,
  TrafficGraph,
  TrafficNode,
  WorkloadSummary,
} from "../../telemetry/index.ts";
import type { ConsoleSource, SourceCluster, SourceGateway, SourceProxy, SourceTrust } from "../contracts.ts";

/** What of a made-up mesh can be said; the rest is made up. */
export interface MadeUp {
  readonly clusters?: number;
  /** Of all clusters: objects by plural. */
  readonly objects?: (cluster: string) => Readonly<Record<string, readonly KubeObject[]>>;
  readonly findings?: readonly Finding[];
  readonly isMeasured?: boolean;
  /** Absent: no access log tells of any request. */
  readonly live?: readonly LiveRequest[];
  readonly traces?: Pick<Traces, "find" | "get" | "services">;
  /** Its API answers nothing but a failure. */
  readonly away?: readonly string[];
}

export interface MadeUpSource extends ConsoleSource {
  /** What was asked of it that changes something. */
  readonly asked: string[];
  /** Requests to the clusters' APIs other than reads. */
  readonly writes: {
    readonly cluster: string;
    readonly method: string;
    readonly path: string;
    readonly body: unknown;
  }[];
}

const day = 24 * 3600 * 1000;

/** A mesh of nothing but answers, of any size: for the tests of pages and for looking at them. */
export function madeUpSource(options: MadeUp = {}): MadeUpSource {
  const { clusters: number = 2, isMeasured = true, away = [] } = options;
  const names = Array.from(
    { length: number },
    (_, i) => (number <= 3 ? ["east", "west", "north"][i] : undefined) ?? `c${i + 1}`,
  );
  const asked: string[] = [];
  const writes: MadeUpSource["writes"] = [];
  const now = Date.now();
  const clients = new Map(
    names.map((name) => [
      name,
      createKubeClient(transportOf(name, options, () => away.includes(name), writes)),
    ]),
  );
  const clusters = names.map((name, i): SourceCluster => {
    const client = clients.get(name);
    if (client === undefined) throw new Error(`no client of ${name}`);
    return {
      name,
      network: number <= 3 ? `network${i + 1}` : `network${(i % 4) + 1}`,
      region: ["eu-central-1", "us-east-1", "ap-south-1"][i % 3] ?? "",
      primary: number <= 3 ? (names[0] ?? name) : (names[Math.floor(i / 5) * 5] ?? name),
      role: "workload",
      kubernetesVersion: "1.33.1",
      istioVersion: "1.30.0",
      trustDomain: "cluster.local",
      api: `https://127.${16 + i}.0.1:6443`,
      client,
      state: away.includes(name) ? "stopped" : "ready",
      pods: { ready: 5, total: 5 },
      registry: "synced",
    };
  });
  const gateways = names.flatMap((cluster, i): SourceGateway[] => [
    {
      cluster,
      kind: "eastwest",
      namespace: "istio-system",
      name: "istio-eastwestgateway",
      address: `127.${16 + i}.255.2`,
      port: 15443,
    },
    ...(i === 0
      ? [
          {
            cluster,
            kind: "ingress",
            namespace: "istio-system",
            name: "istio-ingressgateway",
            address: "127.16.255.1",
            port: 80,
            url: "http://127.16.255.1",
          } as const,
        ]
      : []),
  ]);
  return {
    asked,
    writes,
    async state() {
      return {
        name: "made-up",
        version: "0.0.0",
        dataplane: "builtin",
        startedAt: now - 180_000,
        clusters,
        gateways,
        proxies: names.flatMap((cluster) => proxiesOf(cluster)),
        trust: names.map((cluster) => trustOf(cluster, now)),
        addons: [],
        peerings: [],
        cutLinks: [],
      };
    },
    findings: async () => options.findings ?? [],
    telemetry: isMeasured
      ? {
          graph: (wanted) =>
            wanted.level === "cluster" ? clusterGraph(wanted, clusters) : appGraph(wanted, clusters),
          workloads: (wanted) => summariesOf(appGraph({ ...wanted, level: "app" }, clusters)),
          query: () => [],
          queryRange: (_, { start, end, step }) =>
            names.flatMap((from, i) =>
              names.map((to, j) => ({
                labels: { source_cluster: from, destination_cluster: to },
                values: Array.from({ length: Math.floor((end - start) / step) + 1 }, (__, k) => ({
                  at: start + k * step,
                  value: rateBetween(i, j, number) * (1 + 0.15 * Math.sin(k * 0.9 + i + 2 * j)),
                })),
              })),
            ),
        }
      : undefined,
    live: async () => ({
      requests: () => options.live ?? [],
      away: new Set(away),
      hasEntries: options.live !== undefined,
    }),
    traces: async () => options.traces ?? { find: () => [], get: () => undefined, services: () => [] },
    endpoints: async () => [],
    async verify() {
      asked.push("verify");
      return { ok: true, requestsPerCell: 1, services: [], checks: [], skipped: [], milliseconds: 1 };
    },
    async startLoad({ from, url, rate, milliseconds, connections }, signal) {
      asked.push(`load ${from.cluster}/${from.namespace}/${from.name} ${url.href} ${rate}`);
      const report = () => ({
        sent: 10,
        ok: 10,
        failed: 0,
        skipped: 0,
        connections,
        milliseconds: signal.aborted ? milliseconds : 1,
        rate,
        latency: { p50: 1, p90: 2, p99: 3, max: 4 },
        answers: { "HTTP 200": 10 },
      });
      return {
        report,
        done: new Promise((resolve) => signal.addEventListener("abort", () => resolve(report()))),
      };
    },
    async setCluster(name, wanted) {
      asked.push(`${name} ${wanted}`);
    },
    setLink([a, b], wanted) {
      asked.push(`${a}-${b} ${wanted}`);
    },
  };
}

function transportOf(
  cluster: string,
  { objects = () => ({}) }: MadeUp,
  isAway: () => boolean,
  writes: MadeUpSource["writes"],
): ApiTransport {
  return {
    async send({ method, path, body }) {
      if (isAway()) throw new Error(`${cluster} is stopped`);
      if (method !== "GET") {
        writes.push({ cluster, method, path, body });
        return answer(200, body ?? {});
      }
      const parts = path.split("/");
      const known = objects(cluster);
      const plural = parts.findLast((part) => Object.hasOwn(known, part));
      const items = plural === undefined ? [] : (known[plural] ?? []);
      const isOne = plural !== undefined && parts.at(-1) !== plural;
      if (!isOne) return answer(200, { items, metadata: { resourceVersion: "1" } });
      const found = items.find(({ metadata }) => metadata.name === parts.at(-1));
      return found === undefined
        ? answer(404, { kind: "Status", status: "Failure", reason: "NotFound", code: 404 })
        : answer(200, found);
    },
  };
}

function answer(status: number, body: unknown): ApiResponse {
  return { status, headers: {}, body };
}

function proxiesOf(cluster: string): SourceProxy[] {
  return ["a", "b", "c"].map((name) => ({
    cluster,
    namespace: "shop",
    pod: `${name}-1`,
    state: "SYNCED",
    istiod: "istiod-1",
  }));
}

function trustOf(cluster: string, now: number): SourceTrust {
  const authority = {
    fingerprint: Array.from({ length: 32 }, (_, i) => (i * 7 + 16).toString(16).toUpperCase()).join(":"),
    subject: "CN=Root",
    notBefore: now - day,
    notAfter: now + 3650 * day,
  };
  return {
    cluster,
    root: authority,
    believed: [authority],
    intermediate: { ...authority, notAfter: now + 364 * day },
  };
}

/** Somebody calls nobody, and most calls stay at home. */
function rateBetween(from: number, to: number, number: number): number {
  if (from === to) return 20 + (from % 5) * 3;
  return (from * 7 + to * 3) % Math.max(2, number / 4) < 1.5 ? 4 + ((from * 13 + to * 5) % 9) : 0;
}

function clusterGraph(
  { level, rangeSeconds = 60 }: GraphOptions,
  clusters: readonly SourceCluster[],
): TrafficGraph {
  const nodes = clusters.map(
    ({ name }): TrafficNode => ({ id: name, kind: "cluster", cluster: name, namespace: "unknown", name }),
  );
  const edges = clusters.flatMap((from, i) =>
    clusters.flatMap((to, j): TrafficEdge[] => {
      const rate = rateBetween(i, j, clusters.length);
      if (rate === 0) return [];
      const failed = clusters.length > 3 && i === 2 && j !== 2 ? rate / 10 : 0;
      return [
        {
          from: from.name,
          to: to.name,
          protocol: "http",
          requestsPerSecond: rate,
          failedPerSecond: failed,
          share: 1,
          latencyMs: { p50: 1 + Math.abs(i - j) / 10, p95: 3.1, p99: 4.4, average: 1.3 },
          bytesPerSecond: { sent: 1000, received: 4000 },
          mutualTls: 1,
          codes: { "200": rate },
          flags: {},
          crossesNetwork: from.network !== to.network,
        },
      ];
    }),
  );
  return { level, rangeSeconds, at: 0, nodes, edges };
}

/** In every cluster a web calls reviews, in two versions, which call ratings; a part of it goes to the next cluster. */
function appGraph(
  { level, rangeSeconds = 60 }: GraphOptions,
  clusters: readonly SourceCluster[],
): TrafficGraph {
  const nodes: TrafficNode[] = [];
  const edges: TrafficEdge[] = [];
  const node = (cluster: string, name: string, version: string): string => {
    const id = `app:${cluster}/shop/${name}/${version}`;
    nodes.push({ id, kind: "app", cluster, namespace: "shop", name, app: name, version });
    return id;
  };
  const ends = clusters.map(({ name }) => ({
    web: node(name, "web", "v1"),
    reviews: [node(name, "reviews", "v1"), node(name, "reviews", "v2")],
    ratings: node(name, "ratings", "v1"),
  }));
  const edge = (from: string, to: string, rate: number, share: number, changes: Partial<TrafficEdge> = {}) =>
    edges.push({
      from,
      to,
      protocol: "http",
      requestsPerSecond: rate,
      failedPerSecond: 0,
      share,
      latencyMs: { p50: 1, p95: 4.2, p99: 9.1, average: 1.6 },
      bytesPerSecond: { sent: 40 * rate, received: 300 * rate },
      mutualTls: 1,
      codes: { "200": rate },
      flags: {},
      crossesNetwork: false,
      service: "reviews.shop.svc.cluster.local",
      ...changes,
    });
  for (const [i, one] of ends.entries()) {
    const next = ends[(i + 1) % ends.length];
    for (const reviews of one.reviews) {
      edge(one.web, reviews, 6 + i, 0.4);
      edge(
        reviews,
        one.ratings,
        3,
        1,
        i === 1 ? { failedPerSecond: 0.6, codes: { "200": 2.4, "503": 0.6 } } : {},
      );
    }
    const far = next?.reviews[1];
    if (far !== undefined && next !== one) edge(one.web, far, 4, 0.2, { crossesNetwork: true });
  }
  return { level, rangeSeconds, at: 0, nodes, edges };
}

/** Its apps as if each were a workload. */
function summariesOf({ nodes, edges }: TrafficGraph): WorkloadSummary[] {
  const sum = (of: readonly TrafficEdge[]) => ({
    requestsPerSecond: of.reduce((total, one) => total + one.requestsPerSecond, 0),
    failedPerSecond: of.reduce((total, one) => total + one.failedPerSecond, 0),
    ...(of[0]?.latencyMs === undefined ? {} : { latencyMs: of[0].latencyMs }),
  });
  return nodes.map(({ id, cluster, namespace, name }) => ({
    cluster,
    namespace,
    workload: name,
    incoming: sum(edges.filter(({ to }) => to === id)),
    outgoing: sum(edges.filter(({ from }) => from === id)),
    tcpBytesPerSecond: 0,
  }));
}
