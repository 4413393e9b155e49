import { createSignal, type Signal } from "../../base/index.ts";
import {
  createEventRecorder,
  createWorkQueue,
  type Informer,
  jsonEqual,
  type Kind,
  kinds,
  type NamespaceOffloading,
  objectKey,
  type Pod,
  startReconciler,
  type VirtualNode,
} from "../../kube/index.ts";
import type { OffloadingCluster, OffloadingOptions } from "./contracts.ts";
import { explainPending } from "./explain-pending.ts";
import { component, type Link, namespaceStanding } from "./link.ts";
import { offloadingName, schedulingLabel } from "./marks.ts";
import { namespaceOffloadingStatus, type RemoteNamespaceState } from "./peering-status.ts";
import { startLink } from "./start-link.ts";
import { type HomeWatch, watchHome } from "./watch-clusters.ts";
import type { Reach } from "./watch-reach.ts";

/**
 * Watches the VirtualNodes of one cluster and links it to every provider that one names, from then on: what a peering
 * made is taken back over the same link. `leftovers` are providers that still have something of an earlier time.
 */
export function startHome(
  cluster: OffloadingCluster,
  parts: {
    readonly virtualNodes: Informer<VirtualNode>;
    readonly leftovers: readonly string[];
    /** The cluster of a name, undefined for one that is not known. */
    provider(name: string): (OffloadingCluster & { readonly reach: Reach }) | undefined;
  },
  options: Omit<OffloadingOptions, "clusters">,
): void {
  const links = new Map<string, Link>();
  const changes = createSignal();
  let watch: HomeWatch | undefined;
  const connect = (name: string) => {
    const provider = parts.provider(name);
    if (links.has(name) || provider === undefined || name === cluster.name) return;
    if (watch === undefined) {
      watch = watchHome(cluster.client, parts.virtualNodes, options);
      keepNamespaces(cluster, watch, links, changes, options);
      explainPendingPods(cluster, watch, options);
    }
    links.set(name, startLink({ ...cluster, watch }, provider, options));
    changes.notify();
  };
  for (const name of parts.leftovers) connect(name);
  parts.virtualNodes.subscribe(({ object }) => connect(object.spec?.clusterID ?? ""));
}

/** Says in every NamespaceOffloading how the namespace stands in each provider, and marks the namespace. */
function keepNamespaces(
  { client }: OffloadingCluster,
  watch: HomeWatch,
  links: ReadonlyMap<string, Link>,
  changes: Signal,
  { clock, signal, log }: Omit<OffloadingOptions, "clusters">,
): void {
  const { offloadings, namespaces } = watch;
  const queue = createWorkQueue(clock);
  startReconciler({
    name: "namespace offloadings",
    queue,
    async reconcile(namespace) {
      const offloading = offloadings.get(offloadingName, namespace);
      const wanted = offloading === undefined ? undefined : "true";
      const present = namespaces.get(namespace);
      if (
        present !== undefined &&
        present.metadata.deletionTimestamp === undefined &&
        present.metadata.labels?.[schedulingLabel] !== wanted
      ) {
        const labels = { [schedulingLabel]: wanted ?? null };
        await client.patch(kinds.namespaces, namespace, { metadata: { labels } }, { type: "merge" });
      }
      if (offloading === undefined) return undefined;
      const states = [...links.values()].flatMap((link) => namespaceState(link, namespace) ?? []);
      const status = namespaceOffloadingStatus(offloading, states, clock.now());
      if (jsonEqual(offloading.status, status)) return undefined;
      const kind: Kind<NamespaceOffloading> = kinds.namespaceOffloadings;
      // A merge would keep the clusters that have gone.
      await client.replace(kind, { ...offloading, status }, "status");
      return undefined;
    },
    concurrency: 1,
    ready: watch.synced,
    signal,
    log,
  });
  const lookAtAll = () => {
    for (const { metadata } of offloadings.list()) queue.add(metadata.namespace ?? "");
  };
  offloadings.subscribe(({ object }) => queue.add(object.metadata.namespace ?? ""));
  const heard = new Set<Link>();
  const listen = () => {
    for (const link of links.values()) {
      if (heard.has(link)) continue;
      heard.add(link);
      link.namespaceChanges.subscribe(lookAtAll, signal);
    }
    lookAtAll();
  };
  changes.subscribe(listen, signal);
  listen();
}

function namespaceState(link: Link, namespace: string): RemoteNamespaceState | undefined {
  const cluster = link.provider.name;
  const standing = namespaceStanding(link, namespace);
  switch (standing.kind) {
    case "none":
      return undefined;
    case "ready":
      return { cluster, isReady: true, reason: "RemoteNamespaceCreated", message: `${cluster} has it` };
    case "refused":
      return { cluster, isReady: false, reason: standing.reason, message: standing.message };
    default:
      return { cluster, isReady: undefined, reason: "InProgress", message: `it is being made in ${cluster}` };
  }
}

/** Tells pods that wait for a virtual node what they wait for, once for every answer. */
function explainPendingPods(
  { name, client }: OffloadingCluster,
  watch: HomeWatch,
  { clock, signal, log }: Omit<OffloadingOptions, "clusters">,
): void {
  const { pods, nodes } = watch;
  const events = createEventRecorder({ client, clock, log, signal });
  const told = new Map<string, string>();
  const queue = createWorkQueue(clock);
  startReconciler({
    name: "pending pods",
    queue,
    async reconcile(key) {
      const [namespace = "", podName = ""] = key.split("/");
      const pod = pods.get(podName, namespace);
      const uid = pod?.metadata.uid ?? key;
      if (pod === undefined || !isUnscheduled(pod)) return undefined;
      const why = explainPending(pod, { name, nodes: nodes.list(), pods: pods.list() });
      // Amounts change with every pod that comes or goes; what is short is said once.
      if (why === undefined || told.get(uid) === why.reason) return undefined;
      told.set(uid, why.reason);
      events.record(component, pod, { type: "Warning", ...why });
      return undefined;
    },
    concurrency: 1,
    ready: watch.synced,
    signal,
    log,
  });
  pods.subscribe((change) => {
    const { object } = change;
    if (change.type === "deleted") told.delete(object.metadata.uid ?? "");
    else if (isUnscheduled(object)) queue.add(objectKey(object));
  });
}

function isUnscheduled({ spec, status, metadata }: Pod): boolean {
  return (
    (spec.nodeName ?? "") === "" &&
    metadata.deletionTimestamp === undefined &&
    status?.conditions?.some(({ type, status: value }) => type === "PodScheduled" && value === "False") ===
      true
  );
}
