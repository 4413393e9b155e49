import type { GraphOptions, TrafficEdge, TrafficGraph, TrafficNode } from "../../src/telemetry/index.ts";

const namespacesPerCluster = 4;
/** Of all callers, the part that also calls into the next cluster. */
const crossing = 0.1;

/**
 * Traffic between so many workloads, spread over clusters and four namespaces in each: chains within a namespace with
 * half as many calls across, and some to the next cluster. The same numbers give the same graph.
 */
export function madeUpGraph(
  workloads: number,
  clusters: readonly string[],
  { level, rangeSeconds = 60 }: GraphOptions,
): TrafficGraph {
  const nodes = Array.from({ length: workloads }, (_, i): TrafficNode => {
    const cluster = clusters[i % clusters.length] ?? "";
    const namespace = `team-${Math.floor(i / clusters.length) % namespacesPerCluster}`;
    const name = `service-${i}`;
    return {
      id: `workload:${cluster}/${namespace}/${name}`,
      kind: "workload",
      cluster,
      namespace,
      name,
      app: name,
      version: "v1",
    };
  });
  const step = clusters.length * namespacesPerCluster;
  const edges = nodes.flatMap((from, i) => [
    ...edge(from, nodes[i + step], i),
    ...(i % 2 === 0 ? edge(from, nodes[i + 3 * step], i) : []),
    ...(i % Math.round(1 / crossing) === 0 ? edge(from, nodes[i + step + 1], i) : []),
  ]);
  if (level !== "cluster") return { level, rangeSeconds, at: 0, nodes, edges };
  return byCluster(clusters, nodes, edges, rangeSeconds);
}

function edge(from: TrafficNode, to: TrafficNode | undefined, i: number): TrafficEdge[] {
  if (to === undefined) return [];
  const rate = 1 + (i % 17);
  const failed = i % 50 === 0 ? rate / 4 : 0;
  return [
    {
      from: from.id,
      to: to.id,
      protocol: "http",
      requestsPerSecond: rate,
      failedPerSecond: failed,
      share: 1,
      latencyMs: { p50: 2, p95: 8, p99: 20, average: 3 },
      bytesPerSecond: { sent: 100 * rate, received: 900 * rate },
      mutualTls: 1,
      codes: { "200": rate - failed, ...(failed > 0 ? { "503": failed } : {}) },
      flags: {},
      crossesNetwork: from.cluster !== to.cluster,
    },
  ];
}

function byCluster(
  clusters: readonly string[],
  workloads: readonly TrafficNode[],
  edges: readonly TrafficEdge[],
  rangeSeconds: number,
): TrafficGraph {
  const clusterOf = new Map(workloads.map(({ id, cluster }) => [id, cluster]));
  const sums = new Map<string, TrafficEdge>();
  for (const one of edges) {
    const [from, to] = [clusterOf.get(one.from) ?? "", clusterOf.get(one.to) ?? ""];
    const sum = sums.get(`${from} ${to}`);
    sums.set(`${from} ${to}`, {
      ...one,
      from: `cluster:${from}`,
      to: `cluster:${to}`,
      requestsPerSecond: one.requestsPerSecond + (sum?.requestsPerSecond ?? 0),
      failedPerSecond: one.failedPerSecond + (sum?.failedPerSecond ?? 0),
    });
  }
  const nodes = clusters.map(
    (name): TrafficNode => ({
      id: `cluster:${name}`,
      kind: "cluster",
      cluster: name,
      namespace: "unknown",
      name,
    }),
  );
  return { level: "cluster", rangeSeconds, at: 0, nodes, edges: [...sums.values()] };
}
