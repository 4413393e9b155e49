import { clusterFailure } from "../apply/index.ts";
import type { IsthmusError } from "../base/index.ts";
import { kinds } from "../kube/index.ts";
import type { Mesh } from "../mesh/index.ts";
import { accessTo } from "./cluster-access.ts";
import type { ReachedCluster } from "./kubeconfig-access.ts";

/** The clusters of a mesh file, each reached by its context or known to be away. */
export interface ReachedClusters {
  readonly reached: ReadonlyMap<string, ReachedCluster>;
  /** Why the others can't be. */
  readonly unreachable: ReadonlyMap<string, IsthmusError>;
  /** Ends all idle connections. */
  close(): void;
}

/**
 * Reaches every cluster of a mesh and asks each for something, so that refused credentials show. Throws cluster/unknown when
 * some context is in no kubeconfig, before anything is asked.
 */
export async function reachClusters(
  mesh: Mesh,
  kubeconfig: string | undefined,
  signal: AbortSignal,
): Promise<ReachedClusters> {
  const access = accessTo(mesh, kubeconfig);
  access.check();
  const reached = new Map<string, ReachedCluster>();
  const unreachable = new Map<string, IsthmusError>();
  const connections: ReachedCluster[] = [];
  await Promise.all(
    [...mesh.clusters.values()].map(async (cluster) => {
      try {
        const one = await access.reach(cluster, signal);
        connections.push(one);
        await one.client.list(kinds.namespaces);
        reached.set(cluster.name, one);
      } catch (reason) {
        signal.throwIfAborted();
        const failure = clusterFailure(cluster.name, reason);
        if (failure.code === "internal" || failure.code === "arguments/wrong") throw reason;
        unreachable.set(cluster.name, failure);
      }
    }),
  );
  const inOrder = [...mesh.clusters.keys()].flatMap((name) => {
    const one = reached.get(name);
    return one === undefined ? [] : [[name, one] as const];
  });
  return {
    reached: new Map(inOrder),
    unreachable,
    close() {
      for (const one of connections) one.close();
    },
  };
}
