import type { Cluster } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterLoadAssignment } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { RouteConfiguration } from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import type { Snapshot } from "../../xds/index.ts";
import { blackHoleCluster, isEds, outboundClusters, passthroughCluster, sniClusters } from "./clusters.ts";
import { listenerRoutes } from "./connection-manager.ts";
import { buildAssignment } from "./endpoints.ts";
import { gatewayListeners } from "./gateway-listeners.ts";
import { gatewayRoutes } from "./gateway-routes.ts";
import { type MergedGateways, mergeGateways } from "./gateways.ts";
import { inboundClusters } from "./inbound-clusters.ts";
import { inboundListeners } from "./inbound-listeners.ts";
import { completeProxy, type InboundTarget, inboundTargets } from "./inbound-targets.ts";
import { nameTable } from "./name-table.ts";
import { parseClusterName } from "./names.ts";
import { outboundListeners } from "./outbound-listeners.ts";
import { lazy } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { type Scope, scopeOf } from "./scope.ts";
import { namedSecrets } from "./secrets.ts";
import { sidecarRoutes } from "./sidecar-routes.ts";
import { endpointsOf, type World } from "./world.ts";

/** A snapshot and what it took to make it, so that a change of endpoints alone can make the next one from it. */
export interface ProxySnapshot extends Snapshot {
  readonly proxy: ProxyNode;
  readonly scope: Scope;
}

const snapshots = new WeakMap<Scope, Map<string, ProxySnapshot>>();

/**
 * Everything for one proxy. Depends on its arguments alone. Proxies that differ only in name and address
 * (the replicas of a workload in one place) get the same object. `report` hears of rules that had to be left out.
 */
export function makeSnapshot(
  world: World,
  node: ProxyNode,
  report: (problem: string) => void,
): ProxySnapshot {
  const proxy = completeProxy(world, node);
  const scope = scopeOf(world.rules, proxy);
  const targets = inboundTargets(world, proxy);
  const key = classKey(world, scope, proxy, targets);
  let known = snapshots.get(scope);
  if (known === undefined) {
    known = new Map();
    snapshots.set(scope, known);
  }
  const before = known.get(key);
  if (before !== undefined) {
    const now = withEndpoints(world, before);
    if (now !== before) known.set(key, now);
    return now;
  }
  const made = buildSnapshot(world, scope, proxy, targets, report);
  known.set(key, made);
  return made;
}

/** All that a proxy's configuration depends on beside the rules. */
function classKey(world: World, scope: Scope, proxy: ProxyNode, targets: readonly InboundTarget[]): string {
  const { id: _, name: __, addresses, networkView, ...rest } = proxy;
  const dialled = scope.services.filter(({ resolution }) => resolution !== "endpoints");
  const isHeadless = dialled.some(({ resolution }) => resolution === "passthrough");
  return JSON.stringify([
    rest,
    networkView === undefined ? null : [...networkView],
    // A pod of a headless Service needs no listener for itself; a Sidecar's listeners are at the pod's address.
    isHeadless || (scope.sidecar?.spec.ingress ?? []).length > 0 ? addresses : [],
    // Clusters by DNS and headless Services carry their endpoints in clusters, listeners and names.
    dialled.map((service) => identity(endpointsOf(world, service))),
    targets.map(({ service, port, targetPort }) => `${service.host}:${port.port}:${targetPort}`),
  ]);
}

const identities = new WeakMap<object, number>();
let lastIdentity = 0;

function identity(object: object | undefined): number {
  if (object === undefined) return 0;
  let number = identities.get(object);
  if (number === undefined) {
    number = ++lastIdentity;
    identities.set(object, number);
  }
  return number;
}

function buildSnapshot(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  targets: readonly InboundTarget[],
  report: (problem: string) => void,
): ProxySnapshot {
  const merged = proxy.type === "router" ? mergeGateways(world.rules, proxy, targets, report) : undefined;
  const clusters = allClusters(world, scope, proxy, targets, merged);
  const listeners = named(
    merged === undefined
      ? [...outboundListeners(world, scope, proxy), ...inboundListeners(scope, proxy, targets)]
      : gatewayListeners(scope, proxy, merged),
  );
  const routes = new Map<string, RouteConfiguration>();
  for (const listener of listeners.values()) {
    for (const name of listenerRoutes(listener)) {
      if (!routes.has(name))
        routes.set(
          name,
          merged === undefined
            ? sidecarRoutes(world, scope, proxy, name)
            : gatewayRoutes(scope, proxy, merged, name),
        );
    }
  }
  const endpoints = assignments(world, scope, proxy, clusters.values());
  madeFrom.set(endpoints, world.endpoints);
  // Few proxies ask for it, and it is as long as the list of services.
  const names = lazy(() => nameTable(world, scope, proxy));
  return {
    proxy,
    scope,
    clusters,
    endpoints,
    listeners,
    routes,
    secrets: named(namedSecrets(world, scope, proxy, merged)),
    get nameTable() {
      return names();
    },
  };
}

/** The snapshot with other assignments. A copy by spreading would make the table of names. */
function withAssignments(
  snapshot: ProxySnapshot,
  endpoints: ReadonlyMap<string, ClusterLoadAssignment>,
): ProxySnapshot {
  const { proxy, scope, clusters, listeners, routes, secrets } = snapshot;
  return {
    proxy,
    scope,
    clusters,
    endpoints,
    listeners,
    routes,
    secrets,
    get nameTable() {
      return snapshot.nameTable;
    },
  };
}

/** State of the World's endpoints that a snapshot's assignments show. */
const madeFrom = new WeakMap<ReadonlyMap<string, ClusterLoadAssignment>, World["endpoints"]>();

/** The snapshot with assignments as they are now; the same one when none of its own changed. */
function withEndpoints(world: World, snapshot: ProxySnapshot): ProxySnapshot {
  const before = madeFrom.get(snapshot.endpoints);
  if (before === world.endpoints) return snapshot;
  const changed = new Set<string>();
  for (const [host, endpoints] of world.endpoints) if (before?.get(host) !== endpoints) changed.add(host);
  for (const host of before?.keys() ?? []) if (!world.endpoints.has(host)) changed.add(host);
  // Hosts that change more than assignments are part of the class key, so they can't be among these.
  return updateEndpoints(world, snapshot, changed) ?? snapshot;
}

const updates = new WeakMap<
  ProxySnapshot,
  { readonly endpoints: World["endpoints"]; readonly next: ProxySnapshot }
>();

/**
 * The snapshot after endpoints of `hosts` changed and nothing else did; undefined when that changes more than
 * assignments, so that it has to be made anew. Snapshots that were the same object stay the same object.
 */
export function updateEndpoints(
  world: World,
  snapshot: ProxySnapshot,
  hosts: ReadonlySet<string>,
): ProxySnapshot | undefined {
  const known = updates.get(snapshot);
  if (known?.endpoints === world.endpoints) return known.next;
  const { scope, proxy } = snapshot;
  // Clusters by DNS carry their endpoints inside, and pods of headless Services have listeners and names.
  const isStructural = [...hosts].some(
    (host) => (scope.service(host)?.resolution ?? "endpoints") !== "endpoints",
  );
  if (isStructural) return undefined;
  const clusters = clustersOfHosts(snapshot, hosts);
  let next = snapshot;
  if (clusters.length > 0) {
    const endpoints = new Map(snapshot.endpoints);
    for (const [name, assignment] of assignments(world, scope, proxy, clusters))
      endpoints.set(name, assignment);
    next = withAssignments(snapshot, endpoints);
  }
  madeFrom.set(next.endpoints, world.endpoints);
  updates.set(snapshot, { endpoints: world.endpoints, next });
  return next;
}

const clusterIndexes = new WeakMap<ReadonlyMap<string, Cluster>, Map<string, Cluster[]>>();

function clustersOfHosts(snapshot: ProxySnapshot, hosts: ReadonlySet<string>): Cluster[] {
  let index = clusterIndexes.get(snapshot.clusters);
  if (index === undefined) {
    index = new Map();
    for (const cluster of snapshot.clusters.values()) {
      const host = parseClusterName(cluster.name)?.host;
      if (host === undefined || !isEds(cluster)) continue;
      const same = index.get(host);
      if (same === undefined) index.set(host, [cluster]);
      else same.push(cluster);
    }
    clusterIndexes.set(snapshot.clusters, index);
  }
  return [...hosts].flatMap((host) => index.get(host) ?? []);
}

const outboundSets = new WeakMap<Scope, Map<string, ReadonlyMap<string, Cluster>>>();

/** Outbound clusters are the same for all proxies that see the mesh alike; only a sidecar's own inbound ones differ. */
function allClusters(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  targets: readonly InboundTarget[],
  merged: MergedGateways | undefined,
): ReadonlyMap<string, Cluster> {
  const dialled = scope.services.filter(({ resolution }) => resolution !== "endpoints");
  const key = JSON.stringify([
    proxy.type,
    proxy.isStock,
    merged?.passesThrough,
    dialled.length === 0
      ? null
      : [proxy.network, [...(proxy.networkView ?? [])], proxy.clusterId, proxy.locality, proxy.labels],
    dialled.map((service) => identity(endpointsOf(world, service))),
  ]);
  let sets = outboundSets.get(scope);
  if (sets === undefined) {
    sets = new Map();
    outboundSets.set(scope, sets);
  }
  let shared = sets.get(key);
  if (shared === undefined) {
    shared = named([
      ...outboundClusters(world, scope, proxy),
      ...(merged?.passesThrough === true ? sniClusters(world, scope, proxy) : []),
      blackHoleCluster(scope),
      ...(merged === undefined
        ? [passthroughCluster(scope, proxy, "outbound"), passthroughCluster(scope, proxy, "inbound")]
        : []),
    ]);
    sets.set(key, shared);
  }
  return merged === undefined
    ? named([...shared.values(), ...inboundClusters(scope, proxy, targets)])
    : shared;
}

function assignments(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  clusters: Iterable<Cluster>,
): Map<string, ClusterLoadAssignment> {
  const made = new Map<string, ClusterLoadAssignment>();
  for (const cluster of clusters) {
    if (!isEds(cluster)) continue;
    const parsed = parseClusterName(cluster.name);
    const service = parsed === undefined ? undefined : scope.service(parsed.host);
    if (parsed === undefined || service === undefined) continue;
    const { port, subset, isSni } = parsed;
    made.set(
      cluster.name,
      buildAssignment(world, scope, proxy, { name: cluster.name, service, port, subset, isSni }),
    );
  }
  return made;
}

function named<T extends { readonly name: string }>(items: Iterable<T>): Map<string, T> {
  const map = new Map<string, T>();
  for (const item of items) if (!map.has(item.name)) map.set(item.name, item);
  return map;
}
