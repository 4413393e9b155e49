import type { CheckedCluster } from "../checks/index.ts";
import { clustersReadBy } from "../compile/index.ts";
import type { Cluster, Mesh } from "../mesh/index.ts";
import { chartStandIns } from "./charts/index.ts";

/** What the mesh file says of a cluster, for checks. */
export function describedCluster(cluster: Cluster, mesh: Mesh): Omit<CheckedCluster, "client"> {
  const { name, primary, network } = cluster;
  const known = chartStandIns().map(({ chart }) => chart);
  return {
    name,
    primary,
    network,
    reads: clustersReadBy(cluster, mesh),
    chartsLeftOut: cluster.manifests.flatMap((entry) =>
      entry.kind === "chart" && !known.includes(entry.chart.split("/").at(-1) ?? "")
        ? [{ name: entry.name, namespace: entry.namespace ?? "default" }]
        : [],
    ),
  };
}
