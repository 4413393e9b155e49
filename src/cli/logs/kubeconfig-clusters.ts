import { openKubeconfig, type ReachedCluster, reachContext } from "../kubeconfig-access.ts";

/** A context of a kubeconfig as a cluster of that name. */
export interface NamedCluster extends ReachedCluster {
  readonly name: string;
}

/** The contexts of a kubeconfig as clusters: those named, else all. cluster/unknown for a name that it has not. */
export function kubeconfigClusters(
  file: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly NamedCluster[]> {
  const found = openKubeconfig(file);
  const wanted = names.length === 0 ? [...found.config.contexts.keys()] : names;
  return Promise.all(wanted.map(async (name) => ({ name, ...(await reachContext(found, name, signal)) })));
}
