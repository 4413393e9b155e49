import type { RealCluster } from "../../apply/index.ts";
import type { ReachedClusters } from "../reach-clusters.ts";

/** The clusters as apply knows them. */
export function realClusters({ reached }: ReachedClusters): ReadonlyMap<string, RealCluster> {
  return new Map(
    [...reached].map(([name, { client, server, ca, context }]) => [
      name,
      { name, client, server, ca, helm: { kubeconfig: context.kubeconfig, context: context.name } },
    ]),
  );
}
