import { createSignal, pause } from "../../base/index.ts";
import {
  createEventRecorder,
  createWorkQueue,
  type EndpointSlice,
  type Informer,
  type KubeObject,
  objectKey,
  type Requeue,
  renewNodeLease,
  startReconciler,
  type WorkQueue,
} from "../../kube/index.ts";
import type { OffloadingCluster, OffloadingOptions } from "./contracts.ts";
import { isBound, type Link, namespaceStanding, nodeOf, virtualNodeOf } from "./link.ts";
import { reconcileNamespace } from "./reconcile-namespace.ts";
import { reconcileNode } from "./reconcile-node.ts";
import { reconcilePod } from "./reconcile-pod.ts";
import { homeSliceName, reconcileService, reconcileSlice } from "./reconcile-service.ts";
import { reflectEvent } from "./reflect-event.ts";
import { type HomeWatch, watchProvider } from "./watch-clusters.ts";
import type { Reach } from "./watch-reach.ts";

/** How many objects of one sort are worked on at the same time. */
const concurrency = 8;
const nodeKey = "node";
/** How often a virtual node says that it lives, in milliseconds: as nodes do. */
const heartbeat = 10_000;

/** Starts everything between one cluster that places pods and one that runs them, until the signal aborts. */
export function startLink(
  home: OffloadingCluster & { readonly watch: HomeWatch },
  provider: OffloadingCluster & { readonly reach: Reach },
  options: Omit<OffloadingOptions, "clusters">,
): Link {
  const { clock, signal } = options;
  const log = options.log.child({ consumer: home.name, provider: provider.name });
  const at = home.watch;
  const link: Link = {
    home,
    provider,
    at,
    there: watchProvider(provider.client, home.name, { signal, log }),
    reach: provider.reach,
    events: createEventRecorder({ client: home.client, clock, log, signal }),
    namespaceChanges: createSignal(),
    clock,
    log,
    signal,
  };
  const { there, reach, namespaceChanges } = link;

  const queueFor = (
    name: string,
    reconcile: (name: string, namespace: string) => Promise<Requeue | undefined>,
  ): WorkQueue => {
    const queue = createWorkQueue(clock);
    startReconciler({
      name,
      queue,
      reconcile(key) {
        const slash = key.indexOf("/");
        return reconcile(key.slice(slash + 1), slash < 0 ? "" : key.slice(0, slash));
      },
      concurrency,
      ready: at.synced,
      signal,
      log,
    });
    return queue;
  };
  const nodes = queueFor("virtual node", () => reconcileNode(link));
  const unwanted = new Map<string, number>();
  const namespaces = queueFor("offloaded namespaces", (name) => reconcileNamespace(link, name, unwanted));
  const pods = queueFor("offloaded pods", (name, namespace) => reconcilePod(link, name, namespace));
  const services = queueFor("services", (name, namespace) => reconcileService(link, name, namespace));
  const slices = queueFor("endpoint slices", (name, namespace) => reconcileSlice(link, name, namespace));
  const events = queueFor("events of pods", (name, namespace) => reflectEvent(link, name, namespace));

  type Listed = Pick<Informer<KubeObject>, "list">;
  const addAll = (queue: WorkQueue, informers: readonly Listed[], namespace?: string) => {
    for (const informer of informers)
      for (const object of informer.list(namespace)) queue.add(objectKey(object));
  };
  const addRemoteSlices = (namespace?: string) => {
    for (const slice of there.slices.list(namespace)) slices.add(homeSliceKey(slice));
  };
  const addPods = (namespace?: string) => {
    addAll(pods, [there.pods], namespace);
    for (const pod of at.pods.list(namespace)) if (isBound(link, pod)) pods.add(objectKey(pod));
  };
  const lookAt = (namespace: string) => {
    namespaces.add(namespace);
    addPods(namespace);
    addAll(services, [at.services, there.services], namespace);
    addAll(slices, [at.slices], namespace);
    addRemoteSlices(namespace);
    namespaceChanges.notify();
  };
  const lookAtAll = () => {
    nodes.add(nodeKey);
    for (const { metadata } of at.offloadings.list()) namespaces.add(metadata.namespace ?? "");
    for (const { metadata } of there.namespaces.list()) namespaces.add(metadata.name);
    addPods();
    addAll(services, [at.services, there.services]);
    addAll(slices, [at.slices]);
    addRemoteSlices();
    namespaceChanges.notify();
  };

  at.resourceSlices.subscribe(() => nodes.add(nodeKey));
  at.foreignClusters.subscribe(() => nodes.add(nodeKey));
  there.nodes.subscribe(() => nodes.add(nodeKey));
  at.virtualNodes.subscribe(lookAtAll);
  at.nodes.subscribe(({ object }) => {
    if (object.metadata.name === nodeOf(link)?.metadata.name) nodes.add(nodeKey);
  });
  // The labels of the node decide which namespaces go there.
  let place = "";
  at.nodes.subscribe(() => {
    const node = nodeOf(link);
    const next = JSON.stringify([node?.metadata.name, node?.metadata.labels]);
    if (next === place) return;
    place = next;
    lookAtAll();
  });
  at.offloadings.subscribe(({ object }) => lookAt(object.metadata.namespace ?? ""));
  at.namespaces.subscribe(({ object, type }) => {
    if (type !== "modified" || object.metadata.deletionTimestamp !== undefined) lookAt(object.metadata.name);
  });
  there.namespaces.subscribe(({ object }) => lookAt(object.metadata.name));
  at.pods.subscribe(({ object }) => {
    if (
      isBound(link, object) ||
      there.pods.get(object.metadata.name, object.metadata.namespace) !== undefined
    )
      pods.add(objectKey(object));
    // A virtual node that is to go waits for its pods.
    if (virtualNodeOf(link) === undefined && isBound(link, object)) nodes.add(nodeKey);
  });
  there.pods.subscribe(({ object, type }) => {
    pods.add(objectKey(object));
    const { namespace = "" } = object.metadata;
    if (type === "deleted" && namespaceStanding(link, namespace).kind === "none") lookAt(namespace);
  });
  at.services.subscribe(({ object }) => services.add(objectKey(object)));
  there.services.subscribe(({ object }) => {
    services.add(objectKey(object));
    addAll(slices, [at.slices], object.metadata.namespace);
  });
  at.slices.subscribe(({ object }) => slices.add(objectKey(object)));
  there.slices.subscribe(({ object }) => slices.add(homeSliceKey(object)));
  there.events.subscribe((change) => {
    if (change.type !== "deleted") events.add(objectKey(change.object));
  });
  reach.changes.subscribe(lookAtAll, signal);
  there.synced.then(lookAtAll, () => {});
  nodes.add(nodeKey);
  void keepLease(link);
  return link;
}

/** Says for the virtual node that it lives, as long as the provider answers. */
async function keepLease(link: Link): Promise<void> {
  const { home, reach, clock, signal, log } = link;
  while (!signal.aborted) {
    const node = nodeOf(link);
    if (node !== undefined && reach.isReachable)
      await renewNodeLease(home.client, node, clock.now()).catch((reason: unknown) =>
        log.debug({ node: node.metadata.name, reason: String(reason) }, "lease not renewed, trying again"),
      );
    await pause(clock, heartbeat, signal);
  }
}

function homeSliceKey(slice: EndpointSlice): string {
  return `${slice.metadata.namespace}/${homeSliceName(slice)}`;
}
