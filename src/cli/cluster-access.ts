import { homedir } from "node:os";
import path from "node:path";
import { IsthmusError, systemClock } from "../base/index.ts";
import { createKubeClient, createPatientTransport, type Kubeconfig } from "../kube/index.ts";
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
export function clusterAccess(mesh: Mesh, kubeconfig: string | undefined): ClusterAccess["reach"] {
  return accessTo(mesh, kubeconfig).reach;
}

/** Clusters by their contexts, with a check of all of them beforehand. */
export interface ClusterAccess {
  /** Waits a little where a server is busy or away for a moment. */
  reach(cluster: Cluster, signal?: AbortSignal): Promise<ReachedCluster>;
  /** Throws cluster/unknown, naming every cluster whose context no kubeconfig has, and the contexts that there are. */
  check(): void;
}

/** The same, for commands that look whether they know all clusters before they begin. */
export function accessTo(mesh: Mesh, kubeconfig: string | undefined): ClusterAccess {
  const read = new Map<string, ReadKubeconfig>();
  const configOf = (cluster: Cluster): ReadKubeconfig => {
    const own = cluster.kubeconfig === undefined ? undefined : path.resolve(mesh.folder, cluster.kubeconfig);
    const files = own ?? kubeconfigFiles(kubeconfig);
    const found = read.get(files) ?? openKubeconfig(files);
    read.set(files, found);
    return found;
  };
  return {
    async reach(cluster, signal = new AbortController().signal) {
      const found = configOf(cluster);
      const reached = await reachContext(found, contextOf(cluster, found.config), signal);
      const patient = createPatientTransport(reached.client.transport, { clock: systemClock, signal });
      return { ...reached, client: createKubeClient(patient) };
    },
    check() {
      const unknown: string[] = [];
      const present = new Set<string>();
      for (const cluster of mesh.clusters.values()) {
        const { config } = configOf(cluster);
        if (config.contexts.has(contextOf(cluster, config))) continue;
        unknown.push(`${cluster.name} (context "${cluster.context}")`);
        for (const name of config.contexts.keys()) present.add(name);
      }
      if (unknown.length === 0) return;
      throw new IsthmusError("cluster/unknown", `no kubeconfig has the context of ${unknown.join(", ")}`, {
        nextStep: `There are: ${[...present].sort().join(", ") || "none"}. Name one with clusters.NAME.context, or another kubeconfig with --kubeconfig. Nothing was changed.`,
      });
    },
  };
}

/** `given`, or the files in which kubectl looks for contexts. */
export function kubeconfigFiles(given: string | undefined): string {
  return given ?? process.env["KUBECONFIG"] ?? path.join(homedir(), ".kube/config");
}

/** The context that the mesh file names; in the kubeconfig of a mesh on this machine they are called as the clusters. */
function contextOf({ context, name }: Cluster, { contexts }: Kubeconfig): string {
  return contexts.has(context) || !contexts.has(name) ? context : name;
}
