import { type ClusterPlan, planCluster } from "../../apply/index.ts";
import { formatDiagnostics, IsthmusError } from "../../base/index.ts";
import type { Compiled } from "../../compile/index.ts";
import { ApiError } from "../../kube/index.ts";
import { type Cluster, checkSupported, type Mesh } from "../../mesh/index.ts";
import { type PlannedTraffic, planTraffic, type TrafficReport } from "../../traffic/index.ts";
import { clusterAccess } from "../cluster-access.ts";
import { type Command, textOption } from "../command.ts";
import type { ReachedCluster } from "../kubeconfig-access.ts";
import { planLines } from "../plan/plan-lines.ts";
import { meshOptions, meshOptionTexts, readMesh } from "../read-mesh.ts";

/** What came of asking one cluster. */
export type PlannedCluster = ClusterPlan | UnplannedCluster;

/** A cluster that could not be asked. */
export interface UnplannedCluster {
  readonly cluster: string;
  readonly failure: IsthmusError;
}

export const plan: Command = {
  summary:
    "What an apply would create, change and delete, per cluster and field by field, with why, and what callers will notice. Reads only. Exit code 2 when there are changes.",
  usage: "plan [FILE] [--kubeconfig FILE] [-o json]",
  options: { ...meshOptions, kubeconfig: { type: "string" } },
  optionTexts: {
    ...meshOptionTexts,
    kubeconfig: "where the clusters' contexts are (default: $KUBECONFIG, then ~/.kube/config)",
    output: "json, for programs",
  },
  async run(input) {
    const { terminal, signal } = input;
    const output = textOption(input, "output") ?? "text";
    if (output !== "text" && output !== "json")
      throw new IsthmusError("arguments/wrong", `-o is json, not "${output}"`);
    const { mesh, compiled, warnings } = await readMesh(input, {
      check: (read) => checkSupported(read, "compile"),
      unless: "Nothing was looked at.",
    });
    if (warnings.length > 0) terminal.note(formatDiagnostics(warnings));
    const { planned, traffic } = await planMesh(mesh, compiled, textOption(input, "kubeconfig"), signal);
    if (output === "json")
      terminal.print(JSON.stringify({ clusters: planned.map(asJson), traffic }, undefined, 2));
    else for (const line of planLines(planned, traffic, terminal.paint)) terminal.print(line);
    return exitCode(planned);
  },
};

interface PlannedMesh {
  readonly planned: readonly PlannedCluster[];
  readonly traffic: TrafficReport;
}

/** All clusters side by side. One that can't be asked does not keep the others from being planned. */
async function planMesh(
  mesh: Mesh,
  compiled: Compiled,
  kubeconfig: string | undefined,
  signal: AbortSignal,
): Promise<PlannedMesh> {
  const reach = clusterAccess(mesh, kubeconfig);
  const reached: ReachedCluster[] = [];
  const asked: PlannedTraffic[] = [];
  const planOne = async (cluster: Cluster): Promise<PlannedCluster> => {
    try {
      const one = await reach(cluster, signal);
      reached.push(one);
      const made = await planCluster({ cluster: cluster.name, client: one.client, compiled });
      asked.push({ cluster: cluster.name, client: one.client, effects: made.effects });
      return made;
    } catch (reason) {
      signal.throwIfAborted();
      const failure = failureOf(cluster.name, reason);
      if (failure.code === "internal" || failure.code === "arguments/wrong") throw reason;
      return { cluster: cluster.name, failure };
    }
  };
  try {
    const planned = await Promise.all([...mesh.clusters.values()].map(planOne));
    const { changes, untold } = await planTraffic(asked);
    const away = planned.filter((one) => "failure" in one);
    const missing = away.map(({ cluster }) => `what concerns ${cluster}: it can't be asked`);
    return { planned, traffic: { changes, untold: [...missing, ...untold] } };
  } finally {
    for (const one of reached) one.close();
  }
}

/** What an API server answers is a failure of that cluster too. */
function failureOf(cluster: string, reason: unknown): IsthmusError {
  if (!(reason instanceof ApiError)) return IsthmusError.from(reason);
  const isRefusal = reason.code === 401 || reason.code === 403;
  return new IsthmusError(
    isRefusal ? "cluster/forbidden" : "cluster/unreachable",
    `the API of ${cluster} answers: ${reason.message}`,
    { cause: reason, ...(isRefusal ? { nextStep: "check the user of its context in the kubeconfig" } : {}) },
  );
}

function exitCode(planned: readonly PlannedCluster[]): number {
  const isWrong = (one: PlannedCluster) =>
    "failure" in one || one.changes.some(({ refused }) => refused !== undefined);
  if (planned.some(isWrong)) return 1;
  return planned.some((one) => "changes" in one && one.changes.length > 0) ? 2 : 0;
}

function asJson(planned: PlannedCluster): object {
  if ("changes" in planned) {
    const { effects: _, ...shown } = planned;
    return { ...shown, state: "planned" };
  }
  const { code, message, nextStep } = planned.failure;
  return { cluster: planned.cluster, state: "unreachable", code, message, nextStep };
}
