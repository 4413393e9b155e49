import type { Signal } from "../../base/index.ts";
import {
  createWorkQueue,
  jsonEqual,
  type Kind,
  kinds,
  type NamespaceOffloading,
  startReconciler,
} from "../../kube/index.ts";
import type { OffloadingCluster, OffloadingOptions } from "./contracts.ts";
import { type Link, namespaceStanding } from "./link.ts";
import { offloadingName, schedulingLabel } from "./marks.ts";
import { namespaceOffloadingStatus, type RemoteNamespaceState } from "./peering-status.ts";
import type { HomeWatch } from "./watch-clusters.ts";

/** Says in every NamespaceOffloading how the namespace stands in each provider, and marks the namespace. */
export function keepNamespaces(
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
