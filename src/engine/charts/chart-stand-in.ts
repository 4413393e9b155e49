import type { KubeObject } from "../../kube/index.ts";
import type { Values } from "./read-values.ts";

/** What a chart becomes here: objects of our own in place of its templates. */
export interface ChartStandIn {
  /** The chart's own name: "istiod" for "istio/istiod". */
  readonly chart: string;
  /** Hosts, or OCI registries with their path, that the chart is published at. */
  readonly publishers: readonly string[];
  render(release: Release): readonly KubeObject[];
}

/** An installation of a chart. */
export interface Release {
  readonly name: string;
  readonly namespace: string;
  /** As the mesh file has it; undefined: the newest that the stand-in is like. */
  readonly version: string | undefined;
  readonly values: Values;
  /** Whether the object was installed before: fields that others write since then are left to them. */
  isInstalled(object: KubeObject): boolean;
}

/**
 * The stand-in for a chart: by its name, and, where a repository is named, only the publisher's own. A folder of the user's
 * ("./charts/istiod") and a chart of another repository that happens to have the name have none; Istio's own have one from
 * wherever they are taken.
 */
export function findChartStandIn(
  standIns: readonly ChartStandIn[],
  { chart, repo, origin }: { readonly chart: string; readonly repo?: string; readonly origin?: "istio" },
): ChartStandIn | undefined {
  if (origin !== undefined) return standIns.find((one) => one.chart === chart.split("/").at(-1));
  if (/^\.{0,2}\//.test(chart)) return undefined;
  const [, registry, name = chart.split("/").at(-1) ?? ""] = /^oci:\/\/(.+)\/([^/]+)$/.exec(chart) ?? [];
  const source = registry ?? (repo === undefined ? undefined : repo.replace(/^[a-z]+:\/\//, ""));
  return standIns.find(
    (one) =>
      one.chart === name &&
      (source === undefined ||
        one.publishers.some((place) => source === place || source.startsWith(`${place}/`))),
  );
}
