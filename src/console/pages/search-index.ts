import { kinds } from "../../kube/index.ts";
import type { SearchEntry, SearchIndex } from "../api.ts";
import type { Reader } from "../reader.ts";
import { configKinds } from "./config-page.ts";

const searched = [
  kinds.deployments,
  kinds.statefulSets,
  kinds.daemonSets,
  kinds.services,
  ...configKinds,
] as const;

/** What the search finds, of all clusters. */
export async function searchIndex(reader: Reader): Promise<SearchIndex> {
  const { clusters } = await reader.state();
  const found = await Promise.all(
    clusters.map(async ({ name: cluster }) => {
      const lists = await Promise.all(
        searched.map(async (kind) => ({ kind, ...(await reader.list(cluster, kind)) })),
      );
      return [
        { kind: "Cluster", cluster, name: cluster },
        ...lists.flatMap(({ kind, items }) =>
          items.map(
            ({ metadata: { name, namespace = "default" } }): SearchEntry => ({
              kind: kind.kind,
              cluster,
              namespace,
              name,
            }),
          ),
        ),
      ];
    }),
  );
  return { entries: found.flat() };
}
