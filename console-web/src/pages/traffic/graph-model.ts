import type { NodeFacts, TrafficEdge, TrafficGraph, TrafficNode } from "../../../../src/console/api.ts";

/** One node as it is drawn. */
export interface DrawnNode {
  readonly node: TrafficNode;
  readonly facts: NodeFacts;
  readonly title: string;
  readonly health: "ok" | "warn" | "fail" | "idle";
  readonly width: number;
  readonly height: number;
}

/** Everything in one cluster's box. */
export interface DrawnCluster {
  readonly name: string;
  /** "Outside the mesh" is no cluster. */
  readonly isMesh: boolean;
  readonly namespaces: readonly {
    readonly name: string;
    /** Apps with several versions are boxes; the others are their only node. */
    readonly apps: readonly { readonly name: string; readonly nodes: readonly DrawnNode[] }[];
  }[];
  /** Between two nodes of this cluster. */
  readonly edges: readonly TrafficEdge[];
  /** To another cluster: they leave here. */
  readonly leaving: readonly TrafficEdge[];
  /** From another cluster. */
  readonly arriving: readonly TrafficEdge[];
}

/** All edges from one cluster to another. */
export interface Bundle {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly edges: readonly TrafficEdge[];
}

export interface GraphModel {
  readonly clusters: readonly DrawnCluster[];
  readonly bundles: readonly Bundle[];
  readonly byId: ReadonlyMap<string, DrawnNode>;
  readonly edges: readonly TrafficEdge[];
  /** Those of the edges that have each request once: a service that stands between passes on what it got. */
  readonly calls: readonly TrafficEdge[];
}

const characterWidth = 7.1;
/** From this part of failed requests on a node is degraded, and failing. */
const degraded = 0.001;
const failing = 0.1;

export function edgeId({ from, to, protocol }: TrafficEdge): string {
  return `${from} ${to} ${protocol}`;
}

/** Groups a graph by cluster, namespace and app. `order`: the clusters of the mesh file. */
export function modelOf(
  graph: Pick<TrafficGraph, "nodes" | "edges" | "level">,
  facts: Readonly<Record<string, NodeFacts>>,
  order: readonly string[],
): GraphModel {
  const drawn = new Map(graph.nodes.map((node) => [node.id, drawnNode(node, facts[node.id] ?? {}, graph)]));
  const clusterOf = (id: string) => placeOf(drawn.get(id)?.node);
  const places = [...new Set(graph.nodes.map((node) => placeOf(node)))].sort(
    (a, b) => rank(a, order) - rank(b, order) || a.localeCompare(b),
  );
  const clusters = places.map((name): DrawnCluster => {
    const nodes = [...drawn.values()].filter(({ node }) => placeOf(node) === name);
    const namespaces = [...new Set(nodes.map(({ node }) => node.namespace))].sort();
    const touching = graph.edges.filter(({ from, to }) => clusterOf(from) === name || clusterOf(to) === name);
    return {
      name,
      isMesh: name !== outsidePlace,
      namespaces: namespaces.map((namespace) => {
        const inside = nodes.filter(({ node }) => node.namespace === namespace);
        const apps = [...new Set(inside.map(({ node }) => appOf(node)))];
        return {
          name: namespace,
          apps: apps.map((app) => ({ name: app, nodes: inside.filter(({ node }) => appOf(node) === app) })),
        };
      }),
      edges: touching.filter(({ from, to }) => clusterOf(from) === clusterOf(to)),
      leaving: touching.filter(({ from, to }) => clusterOf(from) === name && clusterOf(to) !== name),
      arriving: touching.filter(({ from, to }) => clusterOf(to) === name && clusterOf(from) !== name),
    };
  });
  const bundles = new Map<string, TrafficEdge[]>();
  for (const edge of graph.edges) {
    const [from, to] = [clusterOf(edge.from), clusterOf(edge.to)];
    if (from !== to) bundles.set(`${from} ${to}`, [...(bundles.get(`${from} ${to}`) ?? []), edge]);
  }
  return {
    clusters,
    bundles: [...bundles].map(([id, edges]) => {
      const [from = "", to = ""] = id.split(" ");
      return { id, from, to, edges };
    }),
    byId: drawn,
    edges: graph.edges,
    calls: graph.edges.filter(
      ({ from }) => graph.level === "service" || drawn.get(from)?.node.kind !== "service",
    ),
  };
}

/** Where nodes are drawn that are of no cluster. */
export const outsidePlace = "unknown";

function placeOf(node: TrafficNode | undefined): string {
  // Clusters as nodes need no boxes around them.
  return node === undefined || node.kind === "outside" || node.kind === "cluster"
    ? outsidePlace
    : node.cluster;
}

function rank(name: string, order: readonly string[]): number {
  if (name === outsidePlace) return -1;
  const at = order.indexOf(name);
  return at < 0 ? order.length : at;
}

/** What nodes of several versions have in common; others stand alone. */
function appOf(node: TrafficNode): string {
  return node.kind === "app" && node.version !== undefined ? node.name : node.id;
}

function drawnNode(
  node: TrafficNode,
  facts: NodeFacts,
  graph: Pick<TrafficGraph, "edges" | "level">,
): DrawnNode {
  const title = node.name === "unknown" ? "unknown callers" : node.name;
  const version = node.version !== undefined && node.version !== "unknown" ? node.version : "";
  const badges =
    Number(node.kind === "serviceEntry") +
    Number(facts.isOutsideMesh === true) +
    Number(facts.hasVirtualService === true);
  const text = title.length + (version === "" ? 0 : version.length * 0.9 + 2);
  return {
    node,
    facts,
    title,
    health: healthOf(node, graph),
    width: Math.round(Math.max(92, 40 + text * characterWidth + badges * 18)),
    height: 34,
  };
}

/** How the requests that arrive do, and for callers those that leave. */
function healthOf({ id }: TrafficNode, { edges }: Pick<TrafficGraph, "edges">): DrawnNode["health"] {
  const arriving = edges.filter(({ to }) => to === id);
  const looked = arriving.length > 0 ? arriving : edges.filter(({ from }) => from === id);
  const requests = looked.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0);
  const failed = looked.reduce((sum, { failedPerSecond }) => sum + failedPerSecond, 0);
  const bytes = looked.reduce((sum, one) => sum + one.bytesPerSecond.sent + one.bytesPerSecond.received, 0);
  if (requests === 0) return bytes > 0 ? "ok" : "idle";
  const part = failed / requests;
  return part >= failing ? "fail" : part > degraded ? "warn" : "ok";
}

/** Edges as one: for bundles, and for the sums of the panel. */
export function sumEdges(edges: readonly TrafficEdge[]): {
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
  readonly bytesPerSecond: number;
  /** Of what it is known of; undefined when of none it is. */
  readonly mutualTls: number | undefined;
} {
  const requestsPerSecond = edges.reduce((sum, one) => sum + one.requestsPerSecond, 0);
  // Connections count where there are no requests: the two can't be added.
  const weight = ({ requestsPerSecond: rate, bytesPerSecond: { sent, received } }: TrafficEdge) =>
    requestsPerSecond > 0 ? rate : sent + received;
  const told = edges.filter(({ mutualTls }) => mutualTls !== undefined);
  const weights = told.reduce((sum, one) => sum + weight(one), 0);
  return {
    requestsPerSecond,
    failedPerSecond: edges.reduce((sum, one) => sum + one.failedPerSecond, 0),
    bytesPerSecond: edges.reduce(
      (sum, one) => sum + one.bytesPerSecond.sent + one.bytesPerSecond.received,
      0,
    ),
    mutualTls:
      weights === 0
        ? undefined
        : told.reduce((sum, one) => sum + (one.mutualTls ?? 0) * weight(one), 0) / weights,
  };
}
