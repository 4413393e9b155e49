import { type ClusterPlan, clusterFailure, planCluster } from "../../apply/index.ts";
import type { IsthmusError } from "../../base/index.ts";
import type { Compiled } from "../../compile/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import { type PlannedTraffic, planTraffic, type TrafficReport } from "../../traffic/index.ts";
import type { ReachedClusters } from "../reach-clusters.ts";

/** What came of asking one cluster. */
export type PlannedCluster = ClusterPlan | UnplannedCluster;

/** A cluster that could not be asked. */
export interface UnplannedCluster {
  readonly cluster: string;
  readonly failure: IsthmusError;
}

export interface PlannedMesh {
  readonly planned: readonly PlannedCluster[];
  readonly traffic: TrafficReport;
}

/** All clusters side by side. One that can't be asked does not keep the others from being planned. */
export async function planMesh(
  mesh: Mesh,
  compiled: Compiled,
  { reached, unreachable }: ReachedClusters,
  signal: AbortSignal,
): Promise<PlannedMesh> {
  const asked: PlannedTraffic[] = [];
  const planOne = async (cluster: string): Promise<PlannedCluster> => {
    const away = unreachable.get(cluster);
    const client = reached.get(cluster)?.client;
    if (away !== undefined || client === undefined)
      return { cluster, failure: away ?? clusterFailure(cluster, new Error(`${cluster} was not reached`)) };
    try {
      const made = await planCluster({ cluster, client, compiled });
      asked.push({ cluster, client, effects: made.effects });
      return made;
    } catch (reason) {
      signal.throwIfAborted();
      const failure = clusterFailure(cluster, reason);
      if (failure.code === "internal" || failure.code === "arguments/wrong") throw reason;
      return { cluster, failure };
    }
  };
  const planned = await Promise.all([...mesh.clusters.keys()].map(planOne));
  const { changes, untold } = await planTraffic(asked);
  const away = planned.filter((one) => "failure" in one);
  const missing = away.map(({ cluster }) => `what concerns ${cluster}: it can't be asked`);
  return { planned, traffic: { changes, untold: [...missing, ...untold] } };
}

/** 1 when something can't be asked or is refused, 2 when there are changes, else 0. */
export function planExitCode(planned: readonly PlannedCluster[]): number {
  const isWrong = (one: PlannedCluster) =>
    "failure" in one || one.changes.some(({ refused }) => refused !== undefined);
  if (planned.some(isWrong)) return 1;
  return planned.some((one) => "changes" in one && one.changes.length > 0) ? 2 : 0;
}

/** As -o json has it. */
export function plannedAsJson(planned: PlannedCluster): object {
  if ("changes" in planned) {
    const { effects: _, ...shown } = planned;
    return { ...shown, state: "planned" };
  }
  const { code, message, nextStep } = planned.failure;
  return { cluster: planned.cluster, state: "unreachable", code, message, nextStep };
}
