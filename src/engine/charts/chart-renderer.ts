import { IsthmusError } from "../../base/index.ts";
import type { ChartReference } from "../../compile/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import { kubernetesVersionOf } from "../kubernetes-version.ts";
import { findChartStandIn } from "./chart-stand-in.ts";
import { chartStandIns } from "./chart-stand-ins.ts";
import { findHelm, renderWithHelm } from "./render-with-helm.ts";

/**
 * What makes objects of charts: a stand-in where there is one, else the user's helm.
 * Rejects with tool/missing without helm, tool/failed when helm refuses.
 */
export function chartRenderer(mesh: Mesh, signal: AbortSignal) {
  const standIns = chartStandIns(mesh.istio.version);
  return (
    chart: ChartReference,
    { cluster, isInstalled }: { readonly cluster: string; isInstalled(object: KubeObject): boolean },
  ): readonly KubeObject[] | Promise<readonly KubeObject[]> => {
    const standIn = findChartStandIn(standIns, chart);
    const { name, namespace, version, values } = chart;
    if (standIn !== undefined) return standIn.render({ name, namespace, version, values, isInstalled });
    const helm = findHelm();
    if (helm === undefined)
      throw new IsthmusError("tool/missing", `helm, which renders chart ${chart.chart}, is gone from PATH`);
    const owner = [...mesh.clusters.values()].find((one) => one.name === cluster);
    return renderWithHelm(chart, {
      helm,
      folder: mesh.folder,
      kubernetesVersion: owner === undefined ? "" : kubernetesVersionOf(owner),
      signal,
    });
  };
}
