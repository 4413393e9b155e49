import { formatDiagnostics, IsthmusError, silentLogger } from "../../base/index.ts";
import { connectEngine, openStateFolder } from "../../engine/index.ts";
import { checkSupported } from "../../mesh/index.ts";
import {
  type Cell,
  junitOf,
  type ReachedPods,
  removeOrphanedProbes,
  runVerification,
  startClusterTarget,
  type UnreachableCluster,
  type VerifyReport,
} from "../../verify/index.ts";
import { type Command, type CommandInput, textOption, textOptions } from "../command.ts";
import { reachClusters } from "../reach-clusters.ts";
import { meshOptions, meshOptionTexts, readMesh } from "../read-mesh.ts";
import { stateFolderOf } from "../state-option.ts";
import { duration, type Paint, type Terminal, table } from "../terminal.ts";

/** With curl and a shell. */
const defaultProbeImage = "docker.io/curlimages/curl:8.16.0";

export const verify: Command = {
  summary:
    "Prove by real requests that the mesh works: from each cluster to each service, counted where they arrive. The mesh of this machine; with --real the clusters of a mesh file.",
  usage: "verify [FILE --real] [--kubeconfig FILE] [--requests N] [-o json|junit]",
  options: {
    ...meshOptions,
    real: { type: "boolean" },
    kubeconfig: { type: "string" },
    requests: { type: "string" },
    "probe-image": { type: "string" },
  },
  optionTexts: {
    ...meshOptionTexts,
    real: "the mesh file's clusters by their kubeconfig contexts; pods to call from are made where none has curl, and removed",
    kubeconfig: "where the contexts are (default: $KUBECONFIG, then ~/.kube/config); means --real",
    requests: "requests from each cluster to each service (default 40)",
    "probe-image": `image of pods to call from, with curl and a shell (default ${defaultProbeImage})`,
    output: "json, for programs; junit, for CI systems",
  },
  async run(input) {
    const { terminal } = input;
    const output = textOption(input, "output") ?? "text";
    if (!["text", "json", "junit"].includes(output))
      throw new IsthmusError("arguments/wrong", `-o is json or junit, not "${output}"`);
    const requests = Number(textOption(input, "requests") ?? 40);
    if (!Number.isInteger(requests) || requests < 1)
      throw new IsthmusError("arguments/wrong", "--requests is a whole number from 1");
    const report = await (isReal(input) ? verifyClusters(input, requests) : verifyEngine(input, requests));
    if (output === "json") terminal.print(JSON.stringify(report, undefined, 2));
    else if (output === "junit") terminal.print(junitOf(report).trimEnd());
    else printReport(report, terminal);
    return report.ok ? 0 : 1;
  },
};

function isReal(input: CommandInput): boolean {
  const isAsked = input.values["real"] === true || textOption(input, "kubeconfig") !== undefined;
  const namesFile = input.positionals.length > 0 || textOptions(input, "file").length > 0;
  if (namesFile && !isAsked)
    throw new IsthmusError("arguments/wrong", "a mesh file says which real clusters to verify: add --real", {
      nextStep: "Without FILE and --real, verify proves the mesh that runs on this machine.",
    });
  return isAsked;
}

function verifyEngine(input: CommandInput, requests: number): Promise<VerifyReport> {
  const state = openStateFolder(stateFolderOf(input), { create: false });
  return connectEngine(state).call<VerifyReport>("verify", { requests }, input.signal);
}

/** By the clusters' APIs alone. One that can't be asked is said; the others are proved all the same. */
async function verifyClusters(input: CommandInput, requests: number): Promise<VerifyReport> {
  const { signal, terminal } = input;
  const { mesh, warnings } = await readMesh(input, {
    check: (read) => checkSupported(read, "compile"),
    unless: "Nothing was looked at.",
  });
  if (warnings.length > 0) terminal.note(formatDiagnostics(warnings));
  const clusters = await reachClusters(mesh, textOption(input, "kubeconfig"), signal);
  const wanted = [...mesh.clusters.values()].filter(({ role }) => role === "workload");
  const pods = wanted.flatMap(({ name, network }): ReachedPods[] => {
    const one = clusters.reached.get(name);
    return one === undefined ? [] : [{ name, network, client: one.client, exec: one.exec }];
  });
  const unreachable = wanted.flatMap(({ name }): UnreachableCluster[] => {
    const failure = clusters.unreachable.get(name);
    return failure === undefined ? [] : [{ cluster: name, reason: failure.message }];
  });
  const target = startClusterTarget({
    clusters: pods,
    probeImage: textOption(input, "probe-image") ?? defaultProbeImage,
    log: silentLogger,
  });
  try {
    // Of a verify that was killed. Where that is refused, only tidiness is lost.
    await Promise.allSettled(pods.map(({ client }) => removeOrphanedProbes(client)));
    const report = await runVerification(target, { requests, signal });
    return unreachable.length === 0 ? report : { ...report, ok: false, unreachable };
  } finally {
    await target.stop();
    clusters.close();
  }
}

function printReport(report: VerifyReport, terminal: Terminal): void {
  const { paint } = terminal;
  terminal.print(`${report.requestsPerCell} requests a cell, fresh connections, through the sidecars\n`);
  for (const { service, cells, problems } of report.services) {
    const groups = cells[0]?.shares.map(({ group }) => group) ?? [];
    const pods = cells[0]?.shares.map((share) => share.pods).join(" : ") ?? "";
    const rows = [
      [service, ...groups, "ready pods", "mTLS", "p50 / p99"],
      ...cells.map((cell) => cellRow(cell, groups, pods, paint)),
    ];
    for (const line of table(rows)) terminal.print(line);
    for (const problem of problems) terminal.print(`  ${paint.bad("✗")} ${problem}`);
    terminal.print("");
  }
  for (const { cluster, reason } of report.unreachable ?? [])
    terminal.print(`${paint.bad("✗")} ${cluster} can't be asked: ${reason}`);
  for (const { name, ok, evidence } of report.checks) {
    terminal.print(
      `${ok ? paint.good("✓") : paint.bad("✗")} ${name} is ${ok ? "refused" : "ACCEPTED"}   ${paint.dim(evidence)}`,
    );
  }
  for (const text of report.skipped) terminal.print(paint.dim(`- not shown: ${text}`));
  const failed = report.services.flatMap(({ cells }) => cells).reduce((sum, cell) => sum + cell.failed, 0);
  const clusters = new Set(report.services.flatMap(({ cells }) => cells.map(({ from }) => from.cluster)))
    .size;
  const verdict = report.ok ? paint.good("ok") : paint.bad("failed");
  const nothing = report.services.length === 0 ? " · no HTTP service with sidecars was found" : "";
  terminal.print(
    `\n${verdict} · ${count(report.services.length, "service")} × ${count(clusters, "cluster")} · ${failed} failed · ${duration(report.milliseconds)}${nothing}`,
  );
}

function cellRow(cell: Cell, groups: readonly string[], pods: string, paint: Paint): string[] {
  const arrived = cell.shares.reduce((sum, { received }) => sum + received, 0);
  const shares = groups.map((group) => {
    const share = cell.shares.find((one) => one.group === group);
    if (share === undefined || arrived === 0) return "–";
    return `${String(Math.round((share.received / arrived) * 100)).padStart(3)} %  ${share.path}`;
  });
  const mtls = cell.mtls ? paint.good("✓") : paint.warn("no");
  return [
    `  from ${cell.from.cluster}`,
    ...shares,
    pods,
    mtls,
    `${cell.p50.toFixed(1)} / ${cell.p99.toFixed(1)} ms`,
  ];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
