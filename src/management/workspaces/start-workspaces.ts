import { createSignal, type Logger, type Signal } from "../../base/index.ts";
import {
  type Informer,
  jsonEqual,
  type Kind,
  type KubeObject,
  kinds,
  systemNamespace,
} from "../../kube/index.ts";
import type { ClusterInformers } from "../cluster-informers.ts";
import { keepInStep } from "../keep-in-step.ts";
import { keepObjects } from "../keep-objects.ts";
import { gatherFor, paced } from "../paced.ts";
import type { Translation, WorkspaceCluster, WorkspaceDeclaration } from "./contracts.ts";
import { workspaceLabels } from "./isolation.ts";
import { isOfWorkspaces, readCluster, trustDomainOf } from "./read-cluster.ts";
import { translateWorkspaces } from "./translate-workspaces.ts";

const fieldManager = "isthmus-workspaces";
const ownLabels = Object.entries(workspaceLabels)
  .map(([name, value]) => `${name}=${value}`)
  .join(",");

/** Objects that isolation makes, by their kind. */
const madeKinds: Readonly<Record<string, Kind>> = {
  PeerAuthentication: kinds.peerAuthentications,
  AuthorizationPolicy: kinds.authorizationPolicies,
  Sidecar: kinds.sidecars,
};

/** A registered cluster, as workspaces need it. */
export interface ManagedCluster {
  readonly name: string;
  readonly primary: string;
  readonly informers: ClusterInformers;
  /** What was last known of its trust domain, for as long as it was not heard of since the start. */
  readonly lastTrustDomain: string | undefined;
}

export interface WorkspacesOptions {
  /** The workspaces as they are declared now; undefined: not known yet, nothing is touched. */
  declared(): readonly WorkspaceDeclaration[] | undefined;
  /** Told when `declared` may answer differently. */
  readonly declarations: Signal;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Workspaces that are kept. */
export interface Workspaces {
  /** The cluster takes part until its informers' signal aborts. */
  add(cluster: ManagedCluster): void;
  /** What follows from everything that is known now. */
  current(): Translation;
  /** Told when `current` or `isEnforced` may answer differently. */
  readonly changes: Signal;
  /** Whether every object of the workspaces is in the API of that control plane. */
  isEnforced(primary: string): boolean;
}

/**
 * Keeps what translateWorkspaces() says true in every cluster that is added. Proxies take changes over without any
 * restart. A cluster that does not answer keeps what it has, and holds up nobody else.
 */
export function startWorkspaces(options: WorkspacesOptions): Workspaces {
  const { signal, log } = options;
  const changes = createSignal();
  const watched = new Map<string, WatchedCluster>();
  const reached = new Map<string, number>();
  /** By primary: its objects and how often they have changed. */
  const wanted = new Map<string, { readonly objects: readonly KubeObject[]; readonly version: number }>();
  let translation: Translation | undefined;
  const changed = () => {
    translation = undefined;
    changes.notify();
  };
  const objectsChanged = paced(changed, () => gatherFor(watched.size), signal);
  options.declarations.subscribe(changed, signal);
  const current = (): Translation => {
    if (translation !== undefined) return translation;
    translation = translateWorkspaces(
      options.declared() ?? [],
      [...watched.values()].map((one) => one.facts(trustDomainIn(watched, one.cluster.primary))),
    );
    for (const [primary, objects] of translation.objects) {
      const before = wanted.get(primary);
      if (before === undefined || !jsonEqual(before.objects, objects))
        wanted.set(primary, { objects, version: (before?.version ?? 0) + 1 });
    }
    return translation;
  };
  const versionOf = (primary: string): number | undefined => {
    // Without knowing all of them, a missing object would be taken for an unwanted one.
    const one = watched.get(primary);
    if (options.declared() === undefined || one?.isSynced() !== true) return undefined;
    current();
    const version = wanted.get(primary)?.version;
    // Also when the objects that are there change: somebody may have deleted one, or it was seen too late.
    return version === undefined ? undefined : version + one.revision();
  };
  return {
    changes,
    current,
    isEnforced: (primary) => {
      const version = versionOf(primary);
      return version !== undefined && reached.get(primary) === version;
    },
    add(cluster) {
      const one = watchCluster(cluster);
      const { name, primary, informers } = cluster;
      watched.set(name, one);
      for (const informer of one.informers) informer.changes.subscribe(objectsChanged, informers.signal);
      informers.signal.addEventListener("abort", () => {
        if (watched.get(name) === one) watched.delete(name);
        changed();
      });
      changed();
      if (primary !== name) return;
      keepInStep({
        what: "workspaces",
        cluster: name,
        version: () => versionOf(name),
        changes,
        async reconcile() {
          const objects = wanted.get(name)?.objects ?? [];
          await keepObjects(informers.client, objects, one.own(), { kinds: madeKinds, fieldManager });
        },
        reached(version) {
          reached.set(name, version);
          changes.notify();
        },
        signal: informers.signal,
        log,
      });
    },
  };
}

function trustDomainIn(watched: ReadonlyMap<string, WatchedCluster>, primary: string): string | undefined {
  return watched.get(primary)?.trustDomain();
}

interface WatchedCluster {
  readonly cluster: ManagedCluster;
  readonly informers: readonly Informer<KubeObject>[];
  isSynced(): boolean;
  facts(trustDomain: string | undefined): WorkspaceCluster;
  trustDomain(): string | undefined;
  /** How often the objects that are there have changed. */
  revision(): number;
  /** Objects of ours in its API; only a primary has some. */
  own(): readonly KubeObject[];
}

function watchCluster(cluster: ManagedCluster): WatchedCluster {
  const { informers } = cluster;
  const all: Informer<KubeObject>[] = [];
  const watch = <T extends KubeObject>(
    ...args: [Kind<T>, { readonly namespace?: string; readonly labelSelector?: string }?]
  ) => {
    const informer = informers.watch(...args);
    all.push(informer as unknown as Informer<KubeObject>);
    return informer;
  };
  const isPrimary = cluster.primary === cluster.name;
  const namespaces = watch(kinds.namespaces);
  const services = watch(kinds.services);
  const configMaps = isPrimary ? watch(kinds.configMaps, { namespace: systemNamespace }) : undefined;
  const policies = isPrimary ? [watch(kinds.peerAuthentications), watch(kinds.sidecars)] : [];
  const rules = isPrimary ? watch(kinds.authorizationPolicies, { labelSelector: ownLabels }) : undefined;
  let revision = 0;
  for (const informer of [...policies, ...(rules === undefined ? [] : [rules])])
    informer.changes.subscribe(() => revision++, informers.signal);
  return {
    cluster,
    revision: () => revision,
    informers: all,
    isSynced: () => all.every(({ isSynced }) => isSynced),
    trustDomain: () =>
      configMaps?.isSynced === true ? trustDomainOf(configMaps.list()) : cluster.lastTrustDomain,
    facts: (trustDomain) =>
      readCluster(cluster, {
        namespaces: namespaces.list(),
        services: services.list(),
        policies: policies.flatMap((informer) => informer.list()),
        trustDomain,
      }),
    own: () => [
      ...policies.flatMap((informer) => informer.list().filter(isOfWorkspaces)),
      ...(rules?.list() ?? []),
    ],
  };
}
