import { ApiError, type KubeClient } from "../kube/index.ts";
import type { Effect } from "./apply-changes.ts";
import { readClusterObjects } from "./cluster-objects.ts";
import { compareTraffic, type PlannedObjects, type TrafficChange } from "./compare-traffic.ts";

/** A cluster of the mesh and what an apply would do to it. */
export interface PlannedTraffic {
  readonly cluster: string;
  readonly client: KubeClient;
  readonly effects: readonly Effect[];
}

/** What callers will notice, and what of it can't be told before the apply. */
export interface TrafficReport {
  readonly changes: readonly TrafficChange[];
  /** In sentences: whose part is missing, and why. */
  readonly untold: readonly string[];
}

/** Reads the clusters and tells what callers will notice. A cluster that keeps its objects to itself is left out by name. */
export async function planTraffic(clusters: readonly PlannedTraffic[]): Promise<TrafficReport> {
  if (clusters.every(({ effects }) => effects.length === 0)) return { changes: [], untold: [] };
  const untold: string[] = [];
  const read = await Promise.all(
    clusters.map(async ({ cluster, client, effects }): Promise<PlannedObjects | undefined> => {
      try {
        return { before: await readClusterObjects(cluster, client), effects };
      } catch (reason) {
        if (!(reason instanceof ApiError)) throw reason;
        untold.push(`what concerns ${cluster}: its API answers "${reason.message}"`);
        return undefined;
      }
    }),
  );
  return {
    changes: compareTraffic(read.filter((one) => one !== undefined)),
    untold: [...untold, ...clusters.flatMap(({ cluster, effects }) => unrendered(cluster, effects))],
  };
}

const istioCharts = new Set(["base", "istiod"]);
/** Others make rules for traffic of these, after the apply. */
const declarations = new Set(["Workspace", "WorkspaceSettings", "ServiceExport", "NamespaceOffloading"]);

function unrendered(cluster: string, effects: readonly Effect[]): string[] {
  const charts = new Set(
    effects.flatMap((effect) =>
      effect.kind === "release" && !istioCharts.has(effect.chart) ? [effect.chart] : [],
    ),
  );
  const made = new Set(
    effects.flatMap((effect) => {
      const kind = effect.kind === "object" ? (effect.after ?? effect.before)?.kind : undefined;
      return kind !== undefined && declarations.has(kind) ? [kind] : [];
    }),
  );
  return [
    ...[...charts].map((chart) => `what the chart ${chart} installs in ${cluster}`),
    ...[...made].map((kind) => `what the management plane makes of ${kind} objects in ${cluster}`),
  ];
}
