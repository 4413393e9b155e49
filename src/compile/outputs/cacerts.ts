import { generatedMeta, systemNamespace } from "../../kube/index.ts";
import type { Cluster, Mesh } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";

/**
 * The Secret `cacerts` of a workload cluster. Every cluster gets one: from the folder that the mesh file names,
 * else an intermediate of its own under the mesh's generated root. Its data is made when it is applied.
 */
export function cacerts(cluster: Cluster, mesh: Mesh): CompiledItem[] {
  const { cacerts: folder } = cluster.trust;
  const from =
    folder === undefined
      ? "trust"
      : folder === mesh.trust.cacerts
        ? "trust.cacerts"
        : `clusters.${cluster.name}.trust.cacerts`;
  return [
    {
      kind: "generated-secret",
      wave: "trust",
      from,
      object: {
        apiVersion: "v1",
        kind: "Secret",
        metadata: generatedMeta({ name: "cacerts", namespace: systemNamespace }, from),
        type: "Opaque",
      },
      source: { kind: "cacerts", ...(folder === undefined ? {} : { folder }) },
    },
  ];
}
