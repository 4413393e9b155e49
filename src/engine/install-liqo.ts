import { kinds } from "../kube/index.ts";
import type { Mesh } from "../mesh/index.ts";
import { definitionsOf } from "./charts/definitions.ts";
import type { RunningCluster } from "./wire.ts";

/**
 * Brings Liqo's kinds to the clusters that take part in a peering. A cluster that no longer does keeps them: what they
 * were asked for may still have to be taken back.
 */
export async function installLiqo(
  { peerings }: Pick<Mesh, "peerings">,
  clusters: ReadonlyMap<string, Pick<RunningCluster, "client">>,
): Promise<void> {
  const peered = new Set<string>(peerings.flatMap(({ consumer, provider }) => [consumer, provider]));
  const installed = [...clusters]
    .filter(([name]) => peered.has(name))
    .map(async ([, { client }]) => {
      for (const definition of definitionsOf("liqo"))
        await client.apply(kinds.customResourceDefinitions, definition);
    });
  await Promise.all(installed);
}
