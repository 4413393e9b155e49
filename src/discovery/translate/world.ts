import type { ServiceEntry } from "./config-types.ts";
import { noteRead } from "./dependencies.ts";
import { entryEndpoints, serviceWorkloads } from "./entry-endpoints.ts";
import { keepEndpoints } from "./keep-endpoints.ts";
import { createNetworkOf } from "./network-gateways.ts";
import { createChanges, serviceHost, type WorldChanges, type WorldObjects } from "./objects.ts";
import { collectRules, type Rules, readMeshNetworks } from "./rules.ts";
import type { MeshService } from "./services.ts";
import { endpointsIn, type HostEndpoints, hostEndpoints, kubernetesEndpoints } from "./workload-endpoints.ts";

/**
 * All clusters of the mesh as they are at one moment, indexed for making snapshots. A World is never
 * changed; the next one shares what stayed the same, so that whatever was made from an unchanged part can be
 * kept beside that part. It reads pods and Secrets from `objects`, so only the newest World is to be used.
 */
export interface World {
  readonly objects: WorldObjects;
  readonly rules: Rules;
  readonly endpoints: ReadonlyMap<string, HostEndpoints>;
}

/** Makes the first World. Problems with single objects go to `report`; they never keep the rest from working. */
export function createWorld(objects: WorldObjects, report: (problem: string) => void): World {
  const changes = createChanges();
  changes.rules = true;
  changes.allEndpoints = true;
  return updateWorld({ objects, rules: undefined, endpoints: new Map() }, changes, report);
}

/** The World after `changes`. Costs in proportion to what changed, and a pass over all rules when one of them did. */
export function updateWorld(
  previous: {
    readonly objects: WorldObjects;
    readonly rules: Rules | undefined;
    readonly endpoints: World["endpoints"];
  },
  changes: WorldChanges,
  report: (problem: string) => void,
): World {
  const { objects } = previous;
  const meshNetworks =
    previous.rules === undefined || changes.rules
      ? readMeshNetworks(objects, previous.rules, report)
      : previous.rules.meshNetworks;
  const networkOf = createNetworkOf(objects, meshNetworks);
  const hosts = changes.allEndpoints ? allHosts(objects) : changes.hosts;
  const endpoints = changes.allEndpoints
    ? new Map<string, HostEndpoints>()
    : hosts.size > 0
      ? new Map(previous.endpoints)
      : previous.endpoints;
  let accountsChanged = false;
  const entries = entriesByHost(objects);
  for (const host of hosts) {
    const before = previous.endpoints.get(host);
    const next = keepEndpoints(before, findEndpoints(objects, entries, host, networkOf));
    accountsChanged ||= (before?.accounts ?? []).join() !== (next?.accounts ?? []).join();
    if (!(endpoints instanceof Map)) continue;
    if (next === undefined) endpoints.delete(host);
    else endpoints.set(host, next);
  }
  const needsRules = previous.rules === undefined || changes.rules || changes.allEndpoints || accountsChanged;
  const accountsOf: Rules["accountsOf"] = ({ host, namespace }) =>
    endpointsIn(endpoints.get(host), namespace).accounts;
  const rules =
    needsRules || previous.rules === undefined
      ? collectRules(objects, meshNetworks, accountsOf, previous.rules, report)
      : previous.rules;
  return { objects, rules, endpoints };
}

function allHosts(objects: WorldObjects): Set<string> {
  const hosts = new Set<string>();
  for (const cluster of objects.clusters.values()) {
    for (const key of cluster.slicesOfService.keys()) {
      const [namespace = "", name = ""] = key.split("/");
      hosts.add(serviceHost(name, namespace));
    }
  }
  // A Service without slices may still have WorkloadEntries.
  for (const { metadata } of objects.clusters.get(objects.primary)?.services.values() ?? [])
    hosts.add(serviceHost(metadata.name, metadata.namespace ?? ""));
  for (const entry of objects.config.serviceEntries.values())
    for (const host of entry.spec.hosts ?? []) hosts.add(host.toLowerCase());
  return hosts;
}

function entriesByHost(objects: WorldObjects): ReadonlyMap<string, readonly ServiceEntry[]> {
  const byHost = new Map<string, ServiceEntry[]>();
  for (const entry of objects.config.serviceEntries.values()) {
    for (const host of new Set((entry.spec.hosts ?? []).map((written) => written.toLowerCase()))) {
      const same = byHost.get(host);
      if (same === undefined) byHost.set(host, [entry]);
      else same.push(entry);
    }
  }
  return byHost;
}

function findEndpoints(
  objects: WorldObjects,
  entries: ReadonlyMap<string, readonly ServiceEntry[]>,
  host: string,
  networkOf: ReturnType<typeof createNetworkOf>,
): HostEndpoints | undefined {
  const [name = "", namespace = "", svc] = host.split(".");
  const found =
    svc === "svc"
      ? [
          ...kubernetesEndpoints(objects, name, namespace, networkOf),
          ...serviceWorkloads(objects, name, namespace, networkOf),
        ]
      : [];
  for (const entry of entries.get(host) ?? []) found.push(...entryEndpoints(objects, entry, host, networkOf));
  return found.length === 0 ? undefined : hostEndpoints(found);
}

/** What is behind a service, in every cluster. */
export function endpointsOf(
  { endpoints }: Pick<World, "endpoints">,
  service: Pick<MeshService, "host" | "namespace">,
): HostEndpoints {
  const { host, namespace } = service;
  return noteRead(`endpoints ${namespace}/${host}`, endpointsIn(endpoints.get(host), namespace), (world) =>
    endpointsOf(world, service),
  );
}
