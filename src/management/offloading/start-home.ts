import { createSignal } from "../../base/index.ts";
import type { Informer, VirtualNode } from "../../kube/index.ts";
import { attendPendingPods } from "./attend-pending-pods.ts";
import type { OffloadingCluster, OffloadingOptions } from "./contracts.ts";
import { keepNamespaces } from "./keep-namespaces.ts";
import type { Link } from "./link.ts";
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
      attendPendingPods(cluster, watch, options);
    }
    links.set(name, startLink({ ...cluster, watch }, provider, options));
    changes.notify();
  };
  for (const name of parts.leftovers) connect(name);
  parts.virtualNodes.subscribe(({ object }) => connect(object.spec?.clusterID ?? ""));
}
