import type { CheckedCluster } from "../checks/index.ts";
import { clustersReadBy } from "../compile/index.ts";
import type { Cluster, Mesh } from "../mesh/index.ts";

/** What the mesh file says of a cluster, for checks. */
export function describedCluster(cluster: Cluster, mesh: Mesh): Omit<CheckedCluster, "client"> {
  const { name, primary, network } = cluster;
  return {
    name,
    primary,
    network,
    reads: clustersReadBy(cluster, mesh),
  };
}
