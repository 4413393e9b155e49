import { systemClock } from "../base/index.ts";
import {
  type CheckedCluster,
  checkMesh,
  type Finding,
  mendedBy,
  type WrittenObject,
} from "../checks/index.ts";
import type { Cluster } from "../mesh/index.ts";
import { type ControlPlaneView, readControlPlanes } from "./control-planes.ts";
import { describedCluster } from "./described-cluster.ts";
import type { RunningMesh } from "./start-mesh.ts";

export interface GatherOptions {
  /** What the istiods said just now, so that they need not be asked again. */
  readonly views?: ReadonlyMap<string, ControlPlaneView>;
  /** Objects by cluster that are looked at as if they had been applied. */
  readonly applied?: ReadonlyMap<string, readonly WrittenObject[]>;
}

/** Everything that is wrong with the running mesh, worst first. */
export async function gatherFindings(
  mesh: RunningMesh,
  { views, applied = new Map() }: GatherOptions = {},
): Promise<readonly Finding[]> {
  const controlPlanes = views ?? (await readControlPlanes(mesh));
  return checkMesh({
    clusters: [...mesh.clusterSet.clusters.values()]
      .filter(({ role }) => role === "workload")
      .map((cluster) => ({ ...checkedCluster(cluster, mesh), applied: applied.get(cluster.name) ?? [] })),
    controlPlanes: new Map(
      [...controlPlanes].map(([name, { clusters, proxies }]) => [
        name,
        {
          clusters,
          proxies: proxies.map(({ cluster_id: cluster = name, proxy: id = "", rejections = {} }) => ({
            cluster,
            id,
            rejections: Object.entries(rejections).map(([type, { message }]) => ({ type, message })),
          })),
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
      ...mendedBy([{ kind: "start", cluster: name }]),
    },
  };
}
