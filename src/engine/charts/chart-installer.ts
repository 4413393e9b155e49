import { type ApplyOptions, findHelm } from "../../apply/index.ts";
import { IsthmusError } from "../../base/index.ts";
import type { ChartReference } from "../../compile/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import { kubernetesVersionOf } from "../kubernetes-version.ts";
import { findChartStandIn } from "./chart-stand-in.ts";
import { chartStandIns } from "./chart-stand-ins.ts";
import { recordForHelm } from "./helm-record.ts";
import { renderWithHelm } from "./render-with-helm.ts";

/**
 * Installs charts in embedded clusters: the objects of a stand-in where there is one, else what the user's helm renders, and
 * the record by which helm knows the release. Rejects with tool/missing without helm, tool/failed when helm refuses.
 */
export function chartInstaller(mesh: Mesh, signal: AbortSignal): ApplyOptions["installChart"] {
  const render = chartRenderer(mesh, signal);
  return async (chart, { name, client, inventory }, { note, write }) => {
    const objects = await render(chart, name, (object) => inventory.has(object));
    const release = await recordForHelm({ chart, objects }, client);
    const isDefinition = ({ kind }: KubeObject) => kind === "CustomResourceDefinition";
    const definitions = objects.filter(isDefinition);
    const others = objects.filter((object) => !isDefinition(object));
    // First, so that it is known of the others' kinds whether they have namespaces.
    await note(definitions);
    for (const object of definitions) await write(object);
    await note(release === undefined ? others : [...others, release.record]);
    for (const object of others) await write(object);
    if (release?.isHelms === false) await write(release.record);
  };
}

function chartRenderer(mesh: Mesh, signal: AbortSignal) {
  const standIns = chartStandIns(mesh.istio.version);
  return (
    chart: ChartReference,
    cluster: string,
    isInstalled: (object: KubeObject) => boolean,
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
