import type { Cluster, Mesh } from "../mesh/index.ts";
import { addressesOf, apiPort } from "./address-blocks.ts";
import type { ClusterWatch } from "./cluster-watch.ts";
import type { ClusterProgress } from "./progress.ts";

/** How far the cluster called `name` is. */
export function clusterProgress(
  mesh: Mesh,
  name: string,
  state: {
    readonly block: number;
    readonly watch: ClusterWatch | undefined;
    readonly readyAfter: number | undefined;
    readonly waitingFor: string | undefined;
  },
): ClusterProgress {
  const { block, watch, readyAfter, waitingFor } = state;
  const cluster = [...mesh.clusters.values()].find((one) => one.name === name);
  const { ingress, eastwest } = cluster?.gateways ?? {};
  return {
    name,
    ...(cluster?.network === undefined ? {} : { network: cluster.network }),
    ...(cluster?.region === undefined ? {} : { region: cluster.region }),
    api: `${addressesOf(block).api}:${apiPort}`,
    controlPlane: cluster === undefined ? "istiod" : controlPlaneOf(mesh, cluster),
    gateways: [
      ...(ingress === undefined ? [] : ["ingress"]),
      ...(eastwest === undefined ? [] : ["east-west"]),
    ],
    pods: watch?.podCount ?? { ready: 0, total: 0 },
    ...(waitingFor === undefined ? {} : { waitingFor }),
    ...(readyAfter === undefined ? {} : { readyAfter }),
  };
}

function controlPlaneOf({ peerings }: Mesh, { role, primary, name }: Cluster): string {
  if (role === "management") return "management";
  if (primary === name) return "istiod";
  return peerings.some(({ provider }) => provider === name) ? `pods of ${primary}` : `← ${primary}`;
}
