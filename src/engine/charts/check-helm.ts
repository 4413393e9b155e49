import { findHelm } from "../../apply/index.ts";
import type { Diagnostic } from "../../base/index.ts";
import { type Mesh, stepsOf } from "../../mesh/index.ts";
import { findChartStandIn } from "./chart-stand-in.ts";
import { chartStandIns } from "./chart-stand-ins.ts";

/** A mistake for every chart of the mesh file that only helm can render, where helm is not installed. */
export function checkHelm(
  mesh: Mesh,
  env: Readonly<Record<string, string | undefined>> = process.env,
): readonly Diagnostic[] {
  const standIns = chartStandIns(mesh.istio.version);
  const charts = new Map(
    [...mesh.clusters.values()].flatMap(({ manifests }) =>
      manifests.flatMap((entry) =>
        entry.kind === "chart" && findChartStandIn(standIns, entry) === undefined
          ? [[entry.from, entry.chart] as const]
          : [],
      ),
    ),
  );
  if (charts.size === 0 || findHelm(env) !== undefined) return [];
  return [...charts].map(([from, chart]) => {
    const path = [...stepsOf(from), "chart"];
    const range = mesh.places.at(path);
    return {
      severity: "error",
      code: "mesh/helm-missing",
      path,
      message: `chart ${chart} is rendered by helm, and ${env["HELM_PATH"] ? `HELM_PATH names no program: ${env["HELM_PATH"]}` : "no helm is on PATH"}`,
      hint: "install helm (https://helm.sh/docs/intro/install), or name its program with HELM_PATH",
      ...(range === undefined ? {} : { range }),
    };
  });
}
