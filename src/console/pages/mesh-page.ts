import type { TrafficGraph } from "../../telemetry/index.ts";
import type { MeshCluster, MeshLink, MeshPage, MeshTraffic } from "../api.ts";
import type { SourcePeering, SourceState } from "../contracts.ts";
import type { Reader } from "../reader.ts";
import { ofWorkloads } from "./of-workloads.ts";
import { shownCluster } from "./shown-cluster.ts";
import { rangeOf, sumTraffic } from "./traffic-sums.ts";

/** Values of a sparkline. */
const points = 48;

/** Clusters on their networks, and what flows between them. */
export async function meshPage(reader: Reader, query: URLSearchParams): Promise<MeshPage> {
  const range = rangeOf(query);
  const state = await reader.state();
  const [findings, clusters] = await Promise.all([
    reader.findings(),
    Promise.all(state.clusters.map((cluster) => shownCluster(reader, state, cluster))),
  ]);
  const graph = reader.graph({ level: "cluster", rangeSeconds: range });
  const history = graph === undefined ? new Map<string, readonly number[]>() : linkHistory(reader, range);
  const links = graph === undefined ? [] : linksOf(graph, state, history);
  const roots = new Set(state.trust.map(({ root }) => root.fingerprint));
  const [trust] = state.trust;
  return {
    name: state.name,
    version: state.version,
    istioVersion: ofWorkloads(state, ({ istioVersion }) => istioVersion),
    dataplane: state.dataplane,
    trustDomain: ofWorkloads(state, ({ trustDomain }) => trustDomain),
    startedAt: state.startedAt,
    clusters: clusters.map((cluster) => withServed(cluster, links)),
    links: withQuietLinks(links, state),
    peerings: state.peerings.map(withWholeMilliseconds),
    ...(trust === undefined ? {} : { root: trust.root }),
    isOneRoot: roots.size <= 1,
    findings: {
      errors: findings.filter(({ severity }) => severity === "error").length,
      warnings: findings.filter(({ severity }) => severity === "warning").length,
    },
    ...(graph === undefined ? {} : { traffic: meshTraffic(graph) }),
    ...(reader.proof === undefined ? {} : { proof: reader.proof }),
    addons: state.addons,
  };
}

function withServed(cluster: MeshCluster, links: readonly MeshLink[]): MeshCluster {
  const arriving = links.filter(({ to }) => to === cluster.name);
  if (arriving.length === 0) return cluster;
  const requests = arriving.reduce((sum, link) => sum + link.requestsPerSecond, 0);
  const failed = arriving.reduce((sum, link) => sum + link.failedPerSecond, 0);
  const history = Array.from({ length: points }, (_, i) =>
    arriving.reduce((sum, link) => sum + (link.history[i] ?? 0), 0),
  );
  return { ...cluster, served: { requestsPerSecond: requests, failedPerSecond: failed, history } };
}

function linksOf(
  graph: TrafficGraph,
  state: SourceState,
  history: ReadonlyMap<string, readonly number[]>,
): MeshLink[] {
  const clusterOf = new Map(graph.nodes.map(({ id, cluster }) => [id, cluster]));
  const pairs = new Map<string, TrafficGraph["edges"][number][]>();
  for (const edge of graph.edges) {
    const [from, to] = [clusterOf.get(edge.from), clusterOf.get(edge.to)];
    const known = (name: string | undefined) => state.clusters.some((cluster) => cluster.name === name);
    if (!known(from) || !known(to)) continue;
    const pair = `${from}\0${to}`;
    pairs.set(pair, [...(pairs.get(pair) ?? []), edge]);
  }
  return [...pairs].map(([pair, edges]) => {
    const [from = "", to = ""] = pair.split("\0");
    return { ...link(from, to, state), ...sumTraffic(edges), history: history.get(pair) ?? [] };
  });
}

/** A round trip differs a little each time; what nobody would notice is no news. */
function withWholeMilliseconds(peering: SourcePeering): SourcePeering {
  const { toProvider, toConsumer } = peering.roundTrip;
  const rounded = (time: number | undefined) =>
    time === undefined ? undefined : Math.max(1, Math.round(time));
  const [a, b] = [rounded(toProvider), rounded(toConsumer)];
  return {
    ...peering,
    roundTrip: {
      ...(a === undefined ? {} : { toProvider: a }),
      ...(b === undefined ? {} : { toConsumer: b }),
    },
  };
}

/** In a mesh of more clusters, pairs that do not talk would hide those that do. */
const mostClustersWithQuietLinks = 6;

/** Adds the links without requests: those that are cut, and in small meshes those between networks. */
function withQuietLinks(links: readonly MeshLink[], state: SourceState): MeshLink[] {
  const all = state.clusters.filter(({ role }) => role === "workload");
  const shown = all.flatMap(({ name: from }) =>
    all.flatMap(({ name: to }) => {
      const found = links.find((one) => one.from === from && one.to === to);
      if (found !== undefined) return [found];
      const quiet = link(from, to, state);
      const isShown = quiet.isCut || (quiet.crossesNetwork && all.length <= mostClustersWithQuietLinks);
      return isShown && from !== to
        ? [{ ...quiet, requestsPerSecond: 0, failedPerSecond: 0, history: [] }]
        : [];
    }),
  );
  // What crosses comes first, then the most.
  return shown.sort(
    (a, b) => Number(a.from === a.to) - Number(b.from === b.to) || b.requestsPerSecond - a.requestsPerSecond,
  );
}

function link(
  from: string,
  to: string,
  state: SourceState,
): Pick<MeshLink, "from" | "to" | "crossesNetwork" | "through" | "isCut"> {
  const networkOf = (name: string) => state.clusters.find((cluster) => cluster.name === name)?.network;
  const crossesNetwork = networkOf(from) !== networkOf(to);
  const gateway = state.gateways.find(({ cluster, kind }) => cluster === to && kind === "eastwest");
  return {
    from,
    to,
    crossesNetwork,
    ...(crossesNetwork && gateway?.address !== undefined
      ? { through: `${gateway.address}:${gateway.port ?? 15443}` }
      : {}),
    isCut: state.cutLinks.some(({ between: [a, b] }) => (a === from && b === to) || (a === to && b === from)),
  };
}

function meshTraffic(graph: TrafficGraph): MeshTraffic {
  const sum = sumTraffic(graph.edges);
  const crossing = graph.edges
    .filter(({ crossesNetwork }) => crossesNetwork)
    .reduce((total, { requestsPerSecond }) => total + requestsPerSecond, 0);
  return {
    ...sum,
    rangeSeconds: graph.rangeSeconds,
    crossing: sum.requestsPerSecond === 0 ? 0 : crossing / sum.requestsPerSecond,
  };
}

/** Requests per second between clusters over the range, as they arrived. */
function linkHistory(reader: Reader, range: number): ReadonlyMap<string, readonly number[]> {
  const seconds = Math.max(range, 5 * 60);
  const window = Math.max(15, Math.round((seconds / points) * 3));
  const found = reader.history(
    `sum by (source_cluster, destination_cluster) (rate(istio_requests_total{reporter="destination"}[${window}s]))`,
    seconds,
    points,
  );
  return new Map(
    found.map(({ labels, values }) => [
      `${labels["source_cluster"]}\0${labels["destination_cluster"]}`,
      padded(values.map(({ value }) => value)),
    ]),
  );
}

/** As many values as others have, zeros before the first. */
function padded(values: readonly number[]): readonly number[] {
  return [...Array<number>(Math.max(0, points - values.length)).fill(0), ...values];
}
