import { systemClock } from "../base/index.ts";
import { type CheckedCluster, checkMesh, type Finding } from "../checks/index.ts";
import type { Cluster } from "../mesh/index.ts";
import { type ControlPlaneView, readControlPlanes } from "./control-planes.ts";
import { describedCluster } from "./described-cluster.ts";
import type { RunningMesh } from "./start-mesh.ts";

/** Everything that is wrong with the running mesh, worst first. `views` saves asking the istiods again. */
export async function gatherFindings(
  mesh: RunningMesh,
  views?: ReadonlyMap<string, ControlPlaneView>,
): Promise<readonly Finding[]> {
  const controlPlanes = views ?? (await readControlPlanes(mesh));
  return checkMesh({
    clusters: [...mesh.clusterSet.clusters.values()]
      .filter(({ role }) => role === "workload")
      .map((cluster) => checkedCluster(cluster, mesh)),
    controlPlanes: new Map(
      [...controlPlanes].map(([name, { clusters, proxies }]) => [
        name,
        {
          clusters,
          proxies: proxies.map(({ cluster_id: cluster = name, proxy: id = "" }) => ({ cluster, id })),
        },
      ]),
    ),
    now: systemClock.now(),
  });
}

function checkedCluster(cluster: Cluster, { mesh, clusters }: RunningMesh): CheckedCluster {
  const { name } = cluster;
  return {
    ...describedCluster(cluster, mesh),
    client: clusters.get(name)?.client ?? {
      away: `${name} is stopped`,
      fix: `isthmus cluster start ${name}`,
    },
  };
}
