import { readFileSync } from "node:fs";
import path from "node:path";
import { IsthmusError, systemClock } from "../../base/index.ts";
import { checkMesh, type Finding, type WrittenObject } from "../../checks/index.ts";
import { describedCluster } from "../../engine/index.ts";
import {
  accessOf,
  createHttpTransport,
  createKubeClient,
  type Kubeconfig,
  readKubeconfig,
} from "../../kube/index.ts";
import type { Cluster, Mesh } from "../../mesh/index.ts";

/**
 * What is wrong in the clusters of a mesh file as they are, each reached by its context of a kubeconfig. Control planes are not
 * asked what they say of themselves. `applied` are objects, by cluster, that count as applied.
 */
export async function findInClusters(
  mesh: Mesh,
  kubeconfig: string,
  applied: ReadonlyMap<string, readonly WrittenObject[]>,
): Promise<readonly Finding[]> {
  const config = readKubeconfig(read(kubeconfig), kubeconfig);
  const clusters = [...mesh.clusters.values()]
    .filter(({ role }) => role === "workload")
    .map((cluster) => ({
      cluster,
      transport: createHttpTransport(accessOf(config, contextOf(cluster, config), path.dirname(kubeconfig))),
    }));
  try {
    return await checkMesh({
      clusters: clusters.map(({ cluster, transport }) => ({
        ...describedCluster(cluster, mesh),
        applied: applied.get(cluster.name) ?? [],
        client: createKubeClient(transport),
      })),
      controlPlanes: undefined,
      now: systemClock.now(),
    });
  } finally {
    for (const { transport } of clusters) transport.close();
  }
}

/** The context that the mesh file names; in the kubeconfig of a mesh on this machine they are called as the clusters. */
function contextOf({ context, name }: Cluster, { contexts }: Kubeconfig): string {
  return contexts.has(context) || !contexts.has(name) ? context : name;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (reason) {
    throw new IsthmusError("arguments/wrong", `${file} can't be read`, { cause: reason });
  }
}
