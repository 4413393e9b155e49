import { unreachable } from "../../base/index.ts";
import { histogramQuantile } from "../promql/quantile.ts";
import type { MetricStore } from "../store/metric-store.ts";
import {
  addMeasured,
  bucketsOf,
  isIdle,
  type Measured,
  nothing,
  type Party,
  readFlows,
  unknown,
  volume,
} from "./read-flows.ts";
import { isKnown, type SettledFlow, settleFlows } from "./settle-flows.ts";
import type { GraphLevel, GraphOptions, TrafficEdge, TrafficGraph, TrafficNode } from "./traffic-graph.ts";

/** What the graph needs to know beside metrics. */
export interface GraphSource {
  readonly store: Pick<MetricStore, "select">;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds. */
  readonly retention: number;
  networkOf(cluster: string): string | undefined;
  /** The cluster that a workload runs in, which may not be the one that it is of. */
  placeOf(cluster: string, namespace: string, workload: string): string;
  isGateway(cluster: string, namespace: string, workload: string): boolean;
  /** Whether a ServiceEntry of the mesh declares the host. */
  isServiceEntry(host: string): boolean;
}

interface Edge {
  readonly from: TrafficNode;
  readonly to: TrafficNode;
  readonly protocol: TrafficEdge["protocol"];
  readonly measured: Measured;
  /** Volume of which it is known that it came over mutual TLS, and without. */
  secured: number;
  plain: number;
  readonly services: Set<string>;
  /** What `share` is a part of: the caller and the service that was asked for. */
  readonly group: string;
}

/** One end of a flow, where it runs. */
interface PlacedParty extends Party {
  readonly isGateway: boolean;
  /** "cluster/namespace/workload" as its own cluster has it. */
  readonly home: string;
}

export interface PlacedFlow extends SettledFlow {
  readonly source: PlacedParty;
  readonly destination: PlacedParty;
}

/** Seconds. */
const defaultRange = 60;

/** The traffic that the options are about, each request once, between the clusters in which its ends run. */
export function wantedFlows(
  source: GraphSource,
  options: Omit<GraphOptions, "level" | "withServices">,
): readonly PlacedFlow[] {
  const { rangeSeconds = defaultRange, at = source.now, withIdle = false } = options;
  const from = at - rangeSeconds * 1000;
  const seen = withIdle ? Math.min(from, at - source.retention) : from;
  const read = readFlows(source.store, { seen, from, to: at });
  const reporting = new Set(
    read
      .filter(({ byDestination }) => !isIdle(byDestination))
      .map(({ destination }) => placeText(destination)),
  );
  return settleFlows(read)
    .filter((flow) => withIdle || !isIdle(flow.measured))
    .map((flow) => inPlace(flow, source))
    .filter((flow) => !isReportedInside(flow, reporting))
    .map((flow) => (isPassedOn(flow) ? { ...flow, security: { secured: 0, plain: 0 } } : flow))
    .filter((flow) => isWanted(flow, options));
}

/** Draws who called whom out of the store. */
export function buildGraph(source: GraphSource, options: GraphOptions): TrafficGraph {
  const { level, rangeSeconds = defaultRange, at = source.now, withServices = false } = options;
  const flows = wantedFlows(source, options);
  const edges = new Map<string, Edge>();
  const showsServices = withServices && level !== "service" && level !== "cluster";
  for (const flow of flows) {
    const caller = callerNode(flow, level);
    const callee = calleeNode(flow, level, source);
    const between = showsServices && isKnown(flow.destination) ? serviceBetween(flow, source) : undefined;
    if (between === undefined) add(edges, caller, callee, flow);
    else {
      add(edges, caller, between, flow);
      add(edges, between, callee, flow);
    }
  }
  const nodes = new Map(
    [...edges.values()].flatMap(
      ({ from, to }) =>
        [
          [from.id, from],
          [to.id, to],
        ] as const,
    ),
  );
  const groups = new Map<string, number>();
  for (const { group, protocol, measured } of edges.values())
    groups.set(group, (groups.get(group) ?? 0) + volume(protocol, measured));
  return {
    level,
    rangeSeconds,
    at,
    nodes: [...nodes.values()].sort((a, b) => compare(a.id, b.id)),
    edges: [...edges.values()]
      .map((edge) => edgeOf(edge, groups.get(edge.group) ?? 0, source))
      .sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to) || compare(a.protocol, b.protocol)),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The flow between the clusters in which its ends run. */
function inPlace(flow: SettledFlow, { placeOf, isGateway }: GraphSource): PlacedFlow {
  const placed = (party: Party): PlacedParty => {
    const { cluster, namespace, workload } = party;
    return {
      ...party,
      cluster: placeOf(cluster, namespace, workload),
      // Only the cluster that it is of knows what its pods are.
      isGateway: isGateway(cluster, namespace, workload),
      home: placeText(party),
    };
  };
  return { ...flow, source: placed(flow.source), destination: placed(flow.destination) };
}

/** Bytes that a gateway passes on without opening them: it has no identity of its own towards the destination then. */
function isPassedOn({ source, protocol, measured }: PlacedFlow): boolean {
  return protocol === "tcp" && source.isGateway && measured.identified === 0;
}

/** Whether both ends of the connection inside report it as well: the destination, if it reports, says who the caller is. */
function isReportedInside(flow: PlacedFlow, reporting: ReadonlySet<string>): boolean {
  const { destination } = flow;
  return isPassedOn(flow) && (!isKnown(destination) || reporting.has(destination.home));
}

function placeText({ cluster, namespace, workload }: Party): string {
  return `${cluster}/${namespace}/${workload}`;
}

function isWanted(
  { source, destination, service }: SettledFlow,
  options: Pick<GraphOptions, "namespaces" | "clusters">,
): boolean {
  const { namespaces, clusters } = options;
  const ofCallee = isKnown(destination) ? destination.namespace : service.namespace;
  return (
    (namespaces === undefined || namespaces.includes(source.namespace) || namespaces.includes(ofCallee)) &&
    (clusters === undefined || clusters.includes(source.cluster) || clusters.includes(destination.cluster))
  );
}

function add(edges: Map<string, Edge>, from: TrafficNode, to: TrafficNode, flow: SettledFlow): void {
  const { protocol, measured, security, service } = flow;
  const id = `${from.id} ${to.id} ${protocol}`;
  let edge = edges.get(id);
  if (edge === undefined) {
    edge = {
      from,
      to,
      protocol,
      measured: nothing(),
      secured: 0,
      plain: 0,
      services: new Set(),
      group: `${from.id} ${service.host} ${protocol}`,
    };
    edges.set(id, edge);
  }
  addMeasured(edge.measured, measured);
  edge.secured += security.secured;
  edge.plain += security.plain;
  edge.services.add(service.host);
}

function callerNode({ source: party }: PlacedFlow, level: GraphLevel): TrafficNode {
  return isKnown(party) ? partyNode(party, level) : outside(unknown, unknown);
}

function calleeNode(flow: PlacedFlow, level: GraphLevel, source: GraphSource): TrafficNode {
  const { destination, service } = flow;
  if (level === "cluster")
    return isKnown(destination) ? clusterNode(destination.cluster) : outside(unknown, unknown);
  const isNamed = service.host !== unknown && !isPlaceholder(service.name);
  if (level === "service" && isNamed)
    return serviceNode(flow, isKnown(destination) ? destination.cluster : flow.source.cluster, source);
  if (isKnown(destination)) return partyNode(destination, level);
  // Nobody answered, or nobody of the mesh did.
  return isNamed
    ? serviceNode(flow, flow.source.cluster, source)
    : outside(service.name, flow.source.cluster);
}

/** Envoy clusters that stand where a service would. */
function isPlaceholder(name: string): boolean {
  return name === "PassthroughCluster" || name === "BlackHoleCluster" || name === "InboundPassthroughCluster";
}

/** The service as the caller's cluster knows it. */
function serviceBetween(flow: SettledFlow, source: GraphSource): TrafficNode | undefined {
  const { service } = flow;
  if (service.host === unknown || isPlaceholder(service.name)) return undefined;
  return serviceNode(flow, isKnown(flow.source) ? flow.source.cluster : flow.destination.cluster, source);
}

function serviceNode({ service }: SettledFlow, cluster: string, source: GraphSource): TrafficNode {
  const isEntry = source.isServiceEntry(service.host);
  const { namespace } = service;
  const name = isEntry ? service.host : service.name;
  return {
    id: `service:${cluster}/${namespace}/${name}`,
    kind: isEntry ? "serviceEntry" : "service",
    cluster,
    namespace,
    name,
  };
}

function partyNode(party: PlacedParty, level: GraphLevel): TrafficNode {
  const { cluster, namespace, workload, app, version } = party;
  const kind = party.isGateway ? "gateway" : undefined;
  const place = `${cluster}/${namespace}`;
  const known = app === unknown ? {} : { app };
  switch (level) {
    case "cluster":
      return clusterNode(cluster);
    case "service":
      return { id: `service:${place}/${app}`, kind: kind ?? "service", cluster, namespace, name: app };
    case "app":
      return { id: `app:${place}/${app}`, kind: kind ?? "app", cluster, namespace, name: app, ...known };
    case "versionedApp":
      return {
        id: `app:${place}/${app}/${version}`,
        kind: kind ?? "app",
        cluster,
        namespace,
        name: app,
        ...known,
        version,
      };
    case "workload":
      return {
        id: `workload:${place}/${workload}`,
        kind: kind ?? "workload",
        cluster,
        namespace,
        name: workload,
        ...known,
        version,
      };
    default:
      return unreachable(level);
  }
}

function clusterNode(name: string): TrafficNode {
  return { id: `cluster:${name}`, kind: "cluster", cluster: name, namespace: unknown, name };
}

function outside(name: string, cluster: string): TrafficNode {
  return { id: `outside:${cluster}/${name}`, kind: "outside", cluster, namespace: unknown, name };
}

function edgeOf(edge: Edge, groupVolume: number, { networkOf }: GraphSource): TrafficEdge {
  const { from, to, protocol, measured, services } = edge;
  const all = volume(protocol, measured);
  const known = edge.secured + edge.plain;
  const [pair, ...otherPairs] = [...measured.principals];
  const [principalFrom = "", principalTo = ""] = pair?.split(" ") ?? [];
  const [service, ...otherServices] = [...services].filter((host) => host !== unknown);
  const [fromNetwork, toNetwork] = [networkOf(from.cluster), networkOf(to.cluster)];
  return {
    from: from.id,
    to: to.id,
    protocol,
    requestsPerSecond: measured.requests,
    failedPerSecond: measured.failed,
    share: groupVolume === 0 ? 0 : all / groupVolume,
    ...latency(measured),
    bytesPerSecond: { sent: measured.sent, received: measured.received },
    ...(known === 0 ? {} : { mutualTls: edge.secured / known }),
    codes: sorted(measured.codes),
    flags: sorted(measured.flags),
    crossesNetwork: fromNetwork !== undefined && toNetwork !== undefined && fromNetwork !== toNetwork,
    ...(pair === undefined || otherPairs.length > 0
      ? {}
      : { principals: { from: principalFrom, to: principalTo } }),
    ...(service === undefined || otherServices.length > 0 ? {} : { service }),
  };
}

function latency(measured: Measured): Pick<TrafficEdge, "latencyMs"> {
  const { durationSum, durationCount } = measured;
  if (durationCount === 0) return {};
  const buckets = bucketsOf(measured);
  const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((q) => histogramQuantile(q, buckets));
  if (Number.isNaN(p50)) return {};
  return { latencyMs: { p50, p95, p99, average: durationSum / durationCount } };
}

function sorted(rates: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...rates].sort(([a], [b]) => compare(a, b)));
}
