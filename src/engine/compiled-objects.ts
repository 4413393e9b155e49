import type { ObjectsOfCluster, WrittenObject } from "../checks/index.ts";
import type { Compiled, CompiledItem } from "../compile/index.ts";
import type { Mesh } from "../mesh/index.ts";
import { chartStandIns, findChartStandIn } from "./charts/index.ts";
import { describedCluster } from "./described-cluster.ts";

/**
 * What a mesh file stands for, as far as it is known before anything runs: every object that would be applied, with the
 * place where it is written or the field of the mesh file that asks for it. Generated Secrets have their keys only.
 */
export function compiledObjects(mesh: Mesh, compiled: Compiled): readonly ObjectsOfCluster[] {
  return [...mesh.clusters.values()]
    .filter(({ role }) => role === "workload")
    .map((cluster) => ({
      ...describedCluster(cluster, mesh),
      // Not rendered by helm here, and what those with a stand-in make once they run is not known either.
      chartsLeftOut: cluster.manifests.flatMap((entry) =>
        entry.kind === "chart" ? [{ name: entry.name, namespace: entry.namespace ?? "default" }] : [],
      ),
      objects: (compiled.clusters.get(cluster.name) ?? []).flatMap((item) => objectsOf(item, mesh)),
    }));
}

function objectsOf(item: CompiledItem, mesh: Mesh): readonly WrittenObject[] {
  switch (item.kind) {
    case "object":
      return [{ object: item.object, writtenAt: item.writtenAt ?? item.from }];
    case "generated-secret":
      return [
        {
          object:
            item.source.kind === "remote-credential"
              ? { ...item.object, data: { [item.source.cluster]: "" } }
              : item.object,
          writtenAt: item.from,
        },
      ];
    case "chart": {
      const { name, namespace, version, values, from } = item.chart;
      const standIn = findChartStandIn(chartStandIns(mesh.istio.version), item.chart);
      // Values that wait for an address stay as they are written: no check looks at them.
      const objects = standIn?.render({ name, namespace, version, values, isInstalled: () => false }) ?? [];
      return objects.map((object) => ({ object, writtenAt: from }));
    }
  }
}
