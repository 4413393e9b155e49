import type { Logger } from "../../base/index.ts";
import {
  type EndpointSlice,
  type ForeignCluster,
  type Informer,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  type ListOptions,
  type Namespace,
  type NamespaceOffloading,
  type Node,
  type Pod,
  type ResourceSlice,
  type Service,
  startInformer,
  type VirtualNode,
} from "../../kube/index.ts";
import { originLabel } from "./marks.ts";

interface Watching {
  /** Resolves when everything was listed once. */
  readonly synced: Promise<unknown>;
  isSynced(): boolean;
}

/** What is looked at in a cluster that places pods elsewhere. */
export interface HomeWatch extends Watching {
  readonly virtualNodes: Informer<VirtualNode>;
  readonly foreignClusters: Informer<ForeignCluster>;
  readonly resourceSlices: Informer<ResourceSlice>;
  readonly offloadings: Informer<NamespaceOffloading>;
  readonly namespaces: Informer<Namespace>;
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
}

/** What is looked at in a cluster that runs pods of one other: its means, and what is there of the other. */
export interface ProviderWatch extends Watching {
  /** All of its namespaces: one of somebody else's may be in the way. */
  readonly namespaces: Informer<Namespace>;
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  /** Of all pods. */
  readonly events: Informer<KubeObject>;
  readonly foreignClusters: Informer<ForeignCluster>;
}

interface WatchOptions {
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export function watchHome(
  client: KubeClient,
  virtualNodes: Informer<VirtualNode>,
  options: WatchOptions,
): HomeWatch {
  const { watch, all } = watching(client, options);
  const informers = {
    foreignClusters: watch(kinds.foreignClusters),
    resourceSlices: watch(kinds.resourceSlices),
    offloadings: watch(kinds.namespaceOffloadings),
    namespaces: watch(kinds.namespaces),
    nodes: watch(kinds.nodes),
    pods: watch(kinds.pods),
    services: watch(kinds.services),
    slices: watch(kinds.endpointSlices),
  };
  return { ...informers, virtualNodes, ...all() };
}

export function watchProvider(client: KubeClient, home: string, options: WatchOptions): ProviderWatch {
  const { watch, all } = watching(client, options);
  const ofHome = { labelSelector: `${originLabel}=${home}` };
  const informers = {
    namespaces: watch(kinds.namespaces),
    nodes: watch(kinds.nodes),
    pods: watch(kinds.pods, ofHome),
    services: watch(kinds.services, ofHome),
    slices: watch(kinds.endpointSlices, ofHome),
    events: watch(kinds.events, { fieldSelector: "involvedObject.kind=Pod" }),
    foreignClusters: watch(kinds.foreignClusters),
  };
  return { ...informers, ...all() };
}

function watching(client: KubeClient, { signal, log }: WatchOptions) {
  const started: { readonly synced: Promise<void>; readonly isSynced: boolean }[] = [];
  return {
    watch<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Informer<T> {
      const informer = startInformer(client, kind, { ...options, signal, log });
      started.push(informer);
      return informer;
    },
    all: (): Watching => {
      const synced = Promise.all(started.map((informer) => informer.synced));
      synced.catch(() => {}); // The signal aborted first.
      return { synced, isSynced: () => started.every((informer) => informer.isSynced) };
    },
  };
}
