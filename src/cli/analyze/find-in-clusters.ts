import { systemClock } from "../../base/index.ts";
import { checkMesh, type Finding, type WrittenObject } from "../../checks/index.ts";
import { describedCluster } from "../../engine/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import { clusterAccess } from "../cluster-access.ts";

/**
 * What is wrong in the clusters of a mesh file as they are, each reached by its context of a kubeconfig. Control planes are not
 * asked what they say of themselves. `applied` are objects, by cluster, that count as applied.
 */
export async function findInClusters(
  mesh: Mesh,
  kubeconfig: string,
  applied: ReadonlyMap<string, readonly WrittenObject[]>,
): Promise<readonly Finding[]> {
  const reach = clusterAccess(mesh, kubeconfig);
  const clusters = await Promise.all(
    [...mesh.clusters.values()]
      .filter(({ role }) => role === "workload")
      .map(async (cluster) => ({ cluster, reached: await reach(cluster) })),
  );
  try {
    return await checkMesh({
      clusters: clusters.map(({ cluster, reached }) => ({
        ...describedCluster(cluster, mesh),
        applied: applied.get(cluster.name) ?? [],
        client: reached.client,
      })),
      controlPlanes: undefined,
      now: systemClock.now(),
    });
  } finally {
    for (const { reached } of clusters) reached.close();
  }
}
