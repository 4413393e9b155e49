import { createRetry } from "../../base/index.ts";
import { kinds, startInformer } from "../../kube/index.ts";
import type { OffloadingCluster, OffloadingOptions } from "./contracts.ts";
import { originLabel } from "./marks.ts";
import { startHome } from "./start-home.ts";
import { type Reach, watchReach } from "./watch-reach.ts";

/**
 * Does what Liqo does, for every cluster that has its kinds: nodes that stand for other clusters, pods that are bound to
 * them run there, with the Services and endpoints that they need, until the signal aborts. Resolves when it is known which
 * clusters take part. What it makes stays when it ends; the next start goes on from there.
 */
export async function startOffloading(options: OffloadingOptions): Promise<void> {
  const { clusters, clock, signal } = options;
  const reaches = new Map<string, Reach>();
  const reachOf = (cluster: OffloadingCluster): Reach => {
    const reach = reaches.get(cluster.name) ?? watchReach(cluster.client, clock, signal);
    reaches.set(cluster.name, reach);
    return reach;
  };
  await Promise.all(
    clusters.map(async (cluster) => {
      if (!(await hasPeerings(cluster, options))) return;
      const leftovers = await leftoversOf(cluster, options);
      const virtualNodes = startInformer(cluster.client, kinds.virtualNodes, options);
      startHome(
        cluster,
        {
          virtualNodes,
          leftovers,
          provider(name) {
            const provider = clusters.find((one) => one.name === name);
            return provider && { ...provider, reach: reachOf(provider) };
          },
        },
        options,
      );
      await virtualNodes.synced;
    }),
  );
}

/** Whether the cluster has Liqo's kinds: only then can it ever place pods elsewhere. */
async function hasPeerings({ client }: OffloadingCluster, options: OffloadingOptions): Promise<boolean> {
  const name = `${kinds.virtualNodes.plural}.${kinds.virtualNodes.group}`;
  const found = await persistently(() => client.get(kinds.customResourceDefinitions, name), options);
  return found !== undefined;
}

/** Clusters that have namespaces of this one, from a peering that may have ended while nobody looked. */
async function leftoversOf(home: OffloadingCluster, options: OffloadingOptions): Promise<readonly string[]> {
  const labelSelector = `${originLabel}=${home.name}`;
  const others = options.clusters.filter(({ name }) => name !== home.name);
  const found = await Promise.all(
    others.map(async ({ name, client }) => {
      const { items } = await persistently(() => client.list(kinds.namespaces, { labelSelector }), options);
      return items.length > 0 ? [name] : [];
    }),
  );
  return found.flat();
}

async function persistently<T>(ask: () => Promise<T>, { clock, signal }: OffloadingOptions): Promise<T> {
  const retry = createRetry(clock, { first: 50, most: 2000 });
  for (;;) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch {
      await retry.wait(signal);
    }
  }
}
