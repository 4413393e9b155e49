import type { ClusterView, Severity } from "./contracts.ts";
import { listed } from "./text.ts";

/** How an absence is to be taken. */
export interface Absence {
  readonly severity: Severity;
  /** Goes behind the cause. */
  readonly note: string;
}

/**
 * How much it matters that something is not in these clusters: nothing but a hint where a chart that is not looked into may
 * bring it. `namespace` is where the chart would have to put it; undefined where it may put it anywhere.
 */
export function absence(clusters: readonly ClusterView[], namespace: string | undefined): Absence {
  const charts = clusters
    .flatMap(({ chartsLeftOut = [] }) => chartsLeftOut)
    .filter((chart) => namespace === undefined || chart.namespace === namespace)
    .map(({ name }) => name)
    .filter((name, index, all) => all.indexOf(name) === index);
  return charts.length === 0
    ? { severity: "error", note: "" }
    : { severity: "info", note: `; the chart ${listed(charts)} may bring it` };
}
