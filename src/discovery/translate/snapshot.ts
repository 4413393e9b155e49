import type { Snapshot } from "../../xds/index.ts";
import type { Cluster } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterLoadAssignment } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { RouteConfiguration } from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import type { Secret } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { blackHoleCluster, isEds, outboundClusters, passthroughCluster, sniClusters } from "./clusters.ts";
import { buildAssignment } from "./endpoints.ts";
import { gatewayListeners } from "./gateway-listeners.ts";
import { gatewayRoutes } from "./gateway-routes.ts";
import { type MergedGateways, mergeGateways } from "./gateways.ts";
import { listenerRoutes } from "./connection-manager.ts";
import { inboundClusters } from "./inbound-clusters.ts";
import { inboundListeners } from "./inbound-listeners.ts";
import { completeProxy, type InboundTarget, inboundTargets } from "./inbound-targets.ts";
import { nameTable } from "./name-table.ts";
import { parseClusterName } from "./names.ts";
import { outboundListeners } from "./outbound-listeners.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { type Scope, scopeOf } from "./scope.ts";
import { gatewaySecrets } from "./secrets.ts";
import { sidecarRoutes } from "./sidecar-routes.ts";
import { localityLabel } from "./workload-endpoints.ts";
import type { World } from "./world.ts";

/** A snapshot and what it took to make it, so that a change of endpoints alone can make the next one from it. */
export interface ProxySnapshot extends Snapshot {
  readonly proxy: ProxyNode;
  readonly scope: Scope;
}

/**
 * Everything for one proxy. Depends on its arguments alone; what proxies have in common is the same object
 * in all their snapshots of one World. `report` hears of rules that had to be left out.
 */
export function makeSnapshot(world: World, node: ProxyNode, report: (problem: string) => void): ProxySnapshot {
  const proxy = completeProxy(world, node);
  const scope = scopeOf(world.rules, proxy);
  const targets = inboundTargets(world, proxy);
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
      if (!routes.has(name)) routes.set(name, merged === undefined ? sidecarRoutes(scope, proxy, name) : gatewayRoutes(scope, proxy, merged, name));
    }
  }
  return {
    proxy,
    scope,
    clusters,
    endpoints: assignments(world, scope, proxy, clusters.values()),
    listeners,
    routes,
    secrets: merged === undefined ? new Map<string, Secret>() : named(gatewaySecrets(world, proxy, merged)),
    nameTable: nameTable(world, scope, proxy),
  };
}

/** The snapshot after endpoints of `hosts` changed and nothing else did; the same one when it has none of them. */
export function updateEndpoints(world: World, snapshot: ProxySnapshot, hosts: ReadonlySet<string>): ProxySnapshot {
  const { scope, proxy } = snapshot;
  const changed: Cluster[] = [];
  let isStructural = false;
  for (const host of hosts) {
    const service = scope.service(host);
    if (service === undefined) continue;
    // DNS clusters carry their endpoints inside, and pods of headless Services have listeners and names.
    if (service.resolution !== "endpoints") isStructural = true;
  }
  if (isStructural) return makeSnapshot(world, proxy, () => {});
  for (const cluster of clustersOfHosts(snapshot, hosts)) changed.push(cluster);
  if (changed.length === 0) return snapshot;
  const endpoints = new Map(snapshot.endpoints);
  for (const [name, assignment] of assignments(world, scope, proxy, changed)) endpoints.set(name, assignment);
  return { ...snapshot, endpoints };
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

const clusterSets = new WeakMap<Scope, Map<string, ReadonlyMap<string, Cluster>>>();

/** Outbound clusters are the same for all proxies that see the mesh alike; only a sidecar's own inbound ones differ. */
function allClusters(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  targets: readonly InboundTarget[],
  merged: MergedGateways | undefined,
): ReadonlyMap<string, Cluster> {
  const view = [
    proxy.type,
    String(proxy.isStock),
    String(merged?.passesThrough),
    // DNS clusters carry endpoints, which depend on where the proxy is.
    scope.services.some(({ resolution }) => resolution === "dns" || resolution === "dns-round-robin")
      ? JSON.stringify([proxy.network, [...(proxy.networkView ?? [])], proxy.clusterId, localityLabel(proxy.locality), proxy.labels, epoch(world)])
      : scope.services.some(({ resolution }) => resolution === "passthrough")
        ? String(epoch(world))
        : "",
  ];
  const own = targets.map(({ service, port, targetPort }) => `${service.host}:${port.port}:${targetPort}`);
  const key = JSON.stringify([view, proxy.type === "sidecar" ? [own, proxy.interception] : []]);
  const sharedKey = JSON.stringify(view);
  let sets = clusterSets.get(scope);
  if (sets === undefined) {
    sets = new Map();
    clusterSets.set(scope, sets);
  }
  const known = sets.get(key);
  if (known !== undefined) return known;
  let shared = sets.get(sharedKey);
  if (shared === undefined) {
    shared = named([
      ...outboundClusters(world, scope, proxy),
      ...(merged?.passesThrough === true ? sniClusters(world, scope, proxy) : []),
      blackHoleCluster(scope),
      ...(merged === undefined ? [passthroughCluster(scope, proxy, "outbound"), passthroughCluster(scope, proxy, "inbound")] : []),
    ]);
    sets.set(sharedKey, shared);
  }
  const all = merged === undefined ? named([...shared.values(), ...inboundClusters(scope, proxy, targets)]) : shared;
  sets.set(key, all);
  return all;
}

const epochs = new WeakMap<World["endpoints"], number>();
let lastEpoch = 0;

/** A number for the state of all endpoints. */
function epoch({ endpoints }: World): number {
  let number = epochs.get(endpoints);
  if (number === undefined) {
    number = ++lastEpoch;
    epochs.set(endpoints, number);
  }
  return number;
}

function assignments(world: World, scope: Scope, proxy: ProxyNode, clusters: Iterable<Cluster>): Map<string, ClusterLoadAssignment> {
  const made = new Map<string, ClusterLoadAssignment>();
  for (const cluster of clusters) {
    if (!isEds(cluster)) continue;
    const parsed = parseClusterName(cluster.name);
    const service = parsed === undefined ? undefined : scope.service(parsed.host);
    if (parsed === undefined || service === undefined) continue;
    const { port, subset, isSni } = parsed;
    made.set(cluster.name, buildAssignment(world, scope, proxy, { name: cluster.name, service, port, subset, isSni }));
  }
  return made;
}

function named<T extends { readonly name: string }>(items: Iterable<T>): Map<string, T> {
  const map = new Map<string, T>();
  for (const item of items) if (!map.has(item.name)) map.set(item.name, item);
  return map;
}

