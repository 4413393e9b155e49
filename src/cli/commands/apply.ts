import path from "node:path";
import { applyMesh, type ClusterOutcome, checkHelmFor, createHelm, tryCharts } from "../../apply/index.ts";
import { formatDiagnostics, IsthmusError, silentLogger, systemClock } from "../../base/index.ts";
import type { Compiled } from "../../compile/index.ts";
import { openStateFolder } from "../../engine/index.ts";
import { checkSupported, type Mesh } from "../../mesh/index.ts";
import { createApplyView } from "../apply/apply-view.ts";
import { confirm } from "../apply/confirm.ts";
import { realClusters } from "../apply/real-clusters.ts";
import { type Command, type CommandInput, textOption } from "../command.ts";
import { planLines, planVerdict } from "../plan/plan-lines.ts";
import { type PlannedCluster, planExitCode, planMesh, plannedAsJson } from "../plan/plan-mesh.ts";
import { type ReachedClusters, reachClusters } from "../reach-clusters.ts";
import { meshFiles, meshOptions, meshOptionTexts, readMesh } from "../read-mesh.ts";
import { readSeconds } from "../read-seconds.ts";
import { stateFolderName } from "../state-option.ts";
import { duration } from "../terminal.ts";

/** Seconds that one step may wait: clouds take minutes for a load balancer. */
const defaultTimeout = 300;

export const apply: Command = {
  summary:
    "Bring real clusters to what the mesh file says: shows the plan, then applies in waves, all clusters side by side. What was cut off is resumed by the next one.",
  usage:
    "apply [FILE] [--kubeconfig FILE] [--yes] [--force-conflicts] [--dry-run=server] [--timeout 300] [-o json]",
  options: {
    ...meshOptions,
    kubeconfig: { type: "string" },
    yes: { type: "boolean", short: "y" },
    "force-conflicts": { type: "boolean" },
    "dry-run": { type: "string" },
    timeout: { type: "string" },
  },
  optionTexts: {
    ...meshOptionTexts,
    kubeconfig: "where the clusters' contexts are (default: $KUBECONFIG, then ~/.kube/config)",
    yes: "delete what has left the mesh file without asking",
    "force-conflicts": "take over fields that others own",
    "dry-run": "server: let the API servers try everything and change nothing; exit codes as of plan",
    timeout: `seconds that one step may wait, for example for a load balancer (default ${defaultTimeout})`,
    output: "json, for programs",
  },
  async run(input) {
    const { terminal, signal } = input;
    const output = outputOf(input);
    const timeout = readSeconds(textOption(input, "timeout"), "--timeout", defaultTimeout);
    const isDryRun = dryRunOf(input);
    const started = systemClock.now();
    const { mesh, compiled, warnings } = await readMesh(input, {
      check: (read) => checkSupported(read, "compile"),
      unless: "Nothing was changed.",
    });
    if (warnings.length > 0) terminal.note(formatDiagnostics(warnings));
    const clusters = await reachClusters(mesh, textOption(input, "kubeconfig"), signal);
    try {
      if (isDryRun) await checkHelmFor(compiled, realClusters(clusters));
      const { planned: asFiled, traffic } = await planMesh(mesh, compiled, clusters, signal);
      const planned = isDryRun ? await withCharts(asFiled, mesh, compiled, clusters, signal) : asFiled;
      const say =
        output === "json" ? (text: string) => terminal.note(text) : (text: string) => terminal.print(text);
      for (const line of planLines(planned, traffic, terminal.paint)) say(line);
      if (isDryRun) {
        say(`\n${planVerdict(planned, ["isthmus apply", ...meshFiles(input)].join(" "))}`);
        if (output === "json")
          terminal.print(JSON.stringify({ clusters: planned.map(plannedAsJson), traffic }, undefined, 2));
        return planExitCode(planned);
      }
      const force = input.values["force-conflicts"] === true;
      refuseWhatCantBe(planned, force);
      if (clusters.reached.size === 0) throw [...clusters.unreachable.values()][0];
      await confirmDeletions(planned, mesh.name, input);
      say("");
      const view = createApplyView(terminal, [...mesh.clusters.keys()], systemClock);
      let outcomes: readonly ClusterOutcome[];
      try {
        outcomes = await applyMesh({
          mesh,
          compiled,
          clusters: realClusters(clusters),
          unreachable: clusters.unreachable,
          trustFolders: openStateFolder(stateFolderBeside(input), { create: true }),
          timeout: timeout * 1000,
          force,
          signal,
          log: silentLogger,
          created: (folder) => terminal.note(`  made ${folder}: a root and an intermediate per cluster`),
          begins: view.begins,
          passed: view.passed,
          waiting: view.waiting,
          deleted: (cluster, objects) => terminal.note(`  ${cluster}   deleted: ${objects.join(", ")}`),
        });
      } finally {
        view.end();
      }
      const all = [...outcomes, ...away(clusters)];
      for (const { cluster, failure } of all) if (failure !== undefined) view.failed(cluster, failure);
      const said = all.flatMap((one) => one.warnings);
      if (said.length > 0) terminal.note(formatDiagnostics(said));
      const failed = all.filter(({ failure }) => failure !== undefined);
      const time = duration(systemClock.now() - started);
      if (output === "json") terminal.print(JSON.stringify(asJson(all, planned, view.steps), undefined, 2));
      else if (failed.length === 0)
        terminal.print(
          `\n${terminal.paint.good("applied")} to ${all.length} clusters in ${time}\n\n  prove it     isthmus verify ${meshFiles(input).join(" ")} --real\n  take away    isthmus down --real ${meshFiles(input).join(" ")}`,
        );
      else
        terminal.print(
          `\n${failed.length} of ${all.length} clusters failed after ${time}; what was done stays, and the next apply resumes there`,
        );
      return failed.length === 0 ? 0 : 1;
    } finally {
      clusters.close();
    }
  },
};

function outputOf(input: CommandInput): "text" | "json" {
  const output = textOption(input, "output") ?? "text";
  if (output === "text" || output === "json") return output;
  throw new IsthmusError("arguments/wrong", `-o is json, not "${output}"`);
}

function dryRunOf(input: CommandInput): boolean {
  const dryRun = textOption(input, "dry-run");
  if (dryRun === undefined || dryRun === "none") return false;
  if (dryRun === "server") return true;
  throw new IsthmusError("arguments/wrong", `--dry-run is server, not "${dryRun}"`, {
    nextStep: "isthmus compile shows what would be sent, without a cluster.",
  });
}

/** What charts come to, too: asked of helm and of the API servers. */
function withCharts(
  planned: readonly PlannedCluster[],
  { folder }: Mesh,
  compiled: Compiled,
  { reached }: ReachedClusters,
  signal: AbortSignal,
): Promise<readonly PlannedCluster[]> {
  const helm = createHelm({ folder, signal });
  const clients = new Map([...reached].map(([name, { client }]) => [name, client]));
  return Promise.all(
    planned.map(async (one) => {
      const target = reached.get(one.cluster)?.context;
      if ("failure" in one || target === undefined) return one;
      const { kubeconfig, name: context } = target;
      return tryCharts(one, { compiled, clients, helm, target: { kubeconfig, context } });
    }),
  );
}

/** Before anything is changed: fields of others, and objects that API servers refuse for what they are. */
function refuseWhatCantBe(planned: readonly PlannedCluster[], force: boolean): void {
  const changes = planned.flatMap((one) =>
    "changes" in one ? one.changes.map((change) => ({ cluster: one.cluster, ...change })) : [],
  );
  const nameOf = ({ kind, namespace, name }: (typeof changes)[number]) =>
    `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
  // A webhook that can't be asked now may be there when it is its turn.
  const refused = changes.filter(
    (one) => one.refused !== undefined && !/failed calling webhook/.test(one.refused),
  );
  if (refused.length > 0)
    throw new IsthmusError(
      "manifest/refused",
      refused.map((one) => `${one.cluster} refuses ${nameOf(one)}: ${one.refused}`).join("\n  "),
      { nextStep: "Mend it, then run this again. Nothing was changed." },
    );
  const conflicts = force ? [] : changes.filter((one) => one.conflicts !== undefined);
  if (conflicts.length > 0)
    throw new IsthmusError(
      "apply/conflict",
      conflicts
        .map(
          (one) =>
            `${one.cluster}: ${nameOf(one)} has fields of others: ${(one.conflicts ?? []).map(({ manager, field }) => `${field} is ${manager}'s`).join(", ")}`,
        )
        .join("\n  "),
      {
        nextStep:
          "Leave the fields out of the mesh file and its manifests, or take them over with --force-conflicts. Nothing was changed.",
      },
    );
}

async function confirmDeletions(
  planned: readonly PlannedCluster[],
  mesh: string,
  input: CommandInput,
): Promise<void> {
  const count = planned
    .flatMap((one) => ("changes" in one ? one.changes : []))
    .filter(({ action }) => action === "delete").length;
  if (count === 0 || input.values["yes"] === true) return;
  const what = `${count} object${count === 1 ? " is" : "s are"} to be deleted`;
  await confirm(input.terminal, { what, answer: mesh, signal: input.signal });
}

function away({ unreachable }: ReachedClusters): readonly ClusterOutcome[] {
  return [...unreachable].map(([cluster, failure]) => ({ cluster, failure, warnings: [], deleted: [] }));
}

/** Beside the mesh file, where `up` has it too. */
function stateFolderBeside(input: CommandInput): string {
  const given = textOption(input, "state");
  if (given !== undefined) return path.resolve(given);
  return path.join(path.dirname(path.resolve(meshFiles(input)[0] ?? "mesh.yaml")), stateFolderName);
}

function asJson(
  outcomes: readonly ClusterOutcome[],
  planned: readonly PlannedCluster[],
  steps: ReturnType<typeof createApplyView>["steps"],
): object {
  return {
    clusters: outcomes.map(({ cluster, failure, warnings, deleted }) => {
      const plan = planned.find((one) => one.cluster === cluster);
      const own = steps.filter((step) => step.cluster === cluster).map(({ cluster: _, ...step }) => step);
      const failed = failure === undefined ? undefined : IsthmusError.from(failure);
      return {
        cluster,
        state: failed === undefined ? "applied" : "failed",
        ...(failed === undefined
          ? {}
          : { code: failed.code, message: failed.message, nextStep: failed.nextStep }),
        changes: plan !== undefined && "changes" in plan ? plan.changes.length : 0,
        steps: own,
        deleted,
        warnings: warnings.map(({ code, message }) => ({ code, message })),
      };
    }),
  };
}
