import { homedir } from "node:os";
import path from "node:path";
import type { Kubeconfig } from "../kube/index.ts";
import type { Cluster, Mesh } from "../mesh/index.ts";
import {
  openKubeconfig,
  type ReachedCluster,
  type ReadKubeconfig,
  reachContext,
} from "./kubeconfig-access.ts";

/**
 * Finds the clusters of a mesh file by the contexts of kubeconfigs. A cluster's own `kubeconfig` counts first, then
 * `kubeconfig`, then those of the environment as kubectl finds them: $KUBECONFIG, ~/.kube/config.
 */
export function clusterAccess(
  mesh: Mesh,
  kubeconfig: string | undefined,
): (cluster: Cluster, signal?: AbortSignal) => Promise<ReachedCluster> {
  const read = new Map<string, ReadKubeconfig>();
  const configOf = (cluster: Cluster): ReadKubeconfig => {
    const own = cluster.kubeconfig === undefined ? undefined : path.resolve(mesh.folder, cluster.kubeconfig);
    const files = own ?? kubeconfig ?? process.env["KUBECONFIG"] ?? path.join(homedir(), ".kube/config");
    const found = read.get(files) ?? openKubeconfig(files);
    read.set(files, found);
    return found;
  };
  return async (cluster, signal) => {
    const found = configOf(cluster);
    return reachContext(found, contextOf(cluster, found.config), signal);
  };
}

/** The context that the mesh file names; in the kubeconfig of a mesh on this machine they are called as the clusters. */
function contextOf({ context, name }: Cluster, { contexts }: Kubeconfig): string {
  return contexts.has(context) || !contexts.has(name) ? context : name;
}
