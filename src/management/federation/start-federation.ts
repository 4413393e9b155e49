import { createSignal, type Signal, systemClock } from "../../base/index.ts";
import {
  type Informer,
  isApiError,
  jsonEqual,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  objectKey,
  systemNamespace,
} from "../../kube/index.ts";
import { stamped } from "../conditions.ts";
import { keepInStep } from "../keep-in-step.ts";
import { keepObjects } from "../keep-objects.ts";
import { gatherFor, paced } from "../paced.ts";
import { trustDomainOf } from "../workspaces/read-cluster.ts";
import type { FederatedCluster, FederationOptions, ServiceExport } from "./contracts.ts";
import { type ExportState, type Federation, federate, federationLabels, isOurs } from "./federate.ts";
import { readFacts } from "./read-facts.ts";

const fieldManager = "isthmus-federation";
const ownLabels = Object.entries(federationLabels)
  .map(([name, value]) => `${name}=${value}`)
  .join(",");

/** Objects that federation makes, by their kind. */
const madeKinds: Readonly<Record<string, Kind>> = {
  ServiceEntry: kinds.serviceEntries,
  DestinationRule: kinds.destinationRules,
  Gateway: kinds.gateways,
};

/** A running federation, which clusters join and leave. */
export interface Federating {
  /** The cluster takes part until its informers' signal aborts. */
  add(cluster: FederatedCluster): void;
  /** Told after every change of what is exported. */
  readonly changes: Signal;
  /** The names that exported Services have elsewhere, by "cluster/namespace/name". */
  hosts(): ReadonlyMap<string, string>;
  /** Whether a cluster's API shows all that is federated into it as far as the clusters are known. */
  isSettled(cluster: string): boolean;
  /** Clusters that are not yet what they should be as far as all are known. */
  behind(): readonly string[];
  /** Told when a cluster has got what it lacked. */
  readonly reached: Signal;
}

/**
 * Keeps what federate() says true in every cluster that is added, until the signal aborts: services come and go,
 * gateways get other addresses, clusters go away and come back. A cluster that does not answer holds up nobody else;
 * what is known of it stays. One that leaves is forgotten by the others, and keeps what it has.
 */
export function startFederation(options: FederationOptions): Federating {
  const { hostSuffix, offers, signal, log } = options;
  const changes = createSignal();
  const reached = createSignal();
  const watched = new Map<string, WatchedCluster>();
  const reachedBy = new Map<string, number>();
  let version = 0;
  let known: { readonly version: number; readonly federation: Federation } | undefined;
  const changed = () => {
    version++;
    changes.notify();
  };
  const objectsChanged = paced(changed, () => gatherFor(watched.size), signal);
  offers?.changes.subscribe(changed, signal);
  const current = (): Federation => {
    if (known?.version !== version) {
      const facts = [...watched.values()].map((one) =>
        one.facts(watched.get(one.cluster.primary)?.trustDomain()),
      );
      known = { version, federation: federate(facts, hostSuffix, offers?.current()) };
      options.disagree?.(known.federation.clashes);
    }
    return known.federation;
  };
  return {
    changes,
    hosts: () => current().hosts,
    reached,
    behind: () => [...watched.keys()].filter((name) => reachedBy.get(name) !== version),
    isSettled(cluster) {
      const one = watched.get(cluster);
      if (one?.isSynced() !== true) return false;
      const present = new Set(one.own().map(kindAndKey));
      return (current().objects.get(cluster) ?? []).every((object) => present.has(kindAndKey(object)));
    },
    add(cluster) {
      const one = watchCluster(cluster);
      const { signal: stopped } = cluster.informers;
      watched.set(cluster.name, one);
      for (const informer of one.informers) informer.changes.subscribe(objectsChanged, stopped);
      stopped.addEventListener("abort", () => {
        if (watched.get(cluster.name) === one) watched.delete(cluster.name);
        changed();
      });
      changed();
      keepInStep({
        what: "exported services",
        cluster: cluster.name,
        version: () => (one.isSynced() ? version : undefined),
        changes,
        reconcile: () => reconcile(one, current()),
        reached(now) {
          reachedBy.set(cluster.name, now);
          reached.notify();
        },
        signal: stopped,
        log,
      });
    },
  };
}

interface WatchedCluster {
  readonly cluster: FederatedCluster;
  readonly informers: readonly Informer<KubeObject>[];
  isSynced(): boolean;
  /** `trustDomain`: of its control plane. */
  facts(trustDomain: string | undefined): ReturnType<typeof readFacts>;
  /** Of its own mesh configuration; only a primary has one. */
  trustDomain(): string | undefined;
  /** Objects of ours in its API; only a primary has some. */
  own(): readonly KubeObject[];
}

function watchCluster(cluster: FederatedCluster): WatchedCluster {
  const all: Informer<KubeObject>[] = [];
  const watch = <T extends KubeObject>(kind: Kind<T>, labelSelector?: string): Informer<T> => {
    const informer = cluster.informers.watch(kind, labelSelector === undefined ? {} : { labelSelector });
    all.push(informer as unknown as Informer<KubeObject>);
    return informer;
  };
  const isPrimary = cluster.primary === cluster.name;
  const namespaces = watch(kinds.namespaces);
  const nodes = watch(kinds.nodes);
  const services = watch(kinds.services);
  const pods = watch(kinds.pods);
  const configMaps = isPrimary
    ? cluster.informers.watch(kinds.configMaps, { namespace: systemNamespace })
    : undefined;
  if (configMaps !== undefined) all.push(configMaps as unknown as Informer<KubeObject>);
  const exports = watch(kinds.serviceExports);
  const serviceEntries = isPrimary ? watch(kinds.serviceEntries) : undefined;
  const rules = isPrimary
    ? [kinds.destinationRules, kinds.gateways].map((kind) => watch(kind, ownLabels))
    : [];
  // A cluster need not serve all of these kinds: one that has no ServiceExports exports by other ways, or not at all.
  const isSynced = () => all.every(({ isSynced, failure }) => isSynced || isApiError(failure, 404));
  return {
    cluster,
    informers: all,
    isSynced,
    trustDomain: () => (configMaps?.isSynced === true ? trustDomainOf(configMaps.list()) : undefined),
    facts: (trustDomain) =>
      readFacts(
        cluster,
        {
          namespaces: namespaces.list(),
          nodes: nodes.list(),
          services: services.list(),
          pods: pods.list(),
          exports: exports.list(),
          serviceEntries: serviceEntries?.list() ?? [],
        },
        { isKnown: isSynced(), trustDomain },
      ),
    own: () => [
      ...(serviceEntries?.list() ?? []).filter(isOurs),
      ...rules.flatMap((informer) => informer.list()),
    ],
  };
}

function kindAndKey(object: KubeObject): string {
  return `${object.kind} ${objectKey(object)}`;
}

async function reconcile({ cluster, own }: WatchedCluster, federation: Federation): Promise<void> {
  const { name, informers } = cluster;
  const wanted = federation.objects.get(name) ?? [];
  await keepObjects(informers.client, wanted, own(), { kinds: madeKinds, fieldManager });
  for (const state of federation.exports)
    if (state.cluster === name) await writeState(informers.client, state);
}

/** Writes how the export fares into its status, as conditions of the Multi-Cluster Services API. */
async function writeState(client: KubeClient, state: ExportState): Promise<void> {
  const { by, isReady, message, reason } = state;
  const conditions = [
    condition(by, "Valid", reason !== "NoService", reason, message),
    condition(by, "Ready", isReady, reason, message),
  ];
  if (jsonEqual(by.status?.conditions, conditions)) return;
  const { name, namespace = "default" } = by.metadata;
  const options = { type: "merge", namespace, subresource: "status", fieldManager } as const;
  await client.patch(kinds.serviceExports, name, { status: { conditions } }, options);
}

function condition(by: ServiceExport, type: string, isTrue: boolean, reason: string, message: string) {
  const status = isTrue ? ("True" as const) : ("False" as const);
  return stamped({ type, status, reason, message }, by.status?.conditions, systemClock.now());
}
