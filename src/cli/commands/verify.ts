import { connectEngine, openStateFolder } from "../../engine/index.ts";
import type { Cell, VerifyReport } from "../../verify/index.ts";
import { type Command, textOption } from "../command.ts";
import { stateFolderOf } from "../state-option.ts";
import { duration, type Paint, type Terminal, table } from "../terminal.ts";

export const verify: Command = {
  summary:
    "Prove by real requests that the mesh works: from each cluster to each service, counted where they arrive.",
  usage: "verify [--requests N] [-o json]",
  options: { requests: { type: "string" } },
  optionTexts: { requests: "requests from each cluster to each service (default 40)" },
  async run(input) {
    const { terminal, signal } = input;
    const state = openStateFolder(stateFolderOf(input), { create: false });
    const requests = Number(textOption(input, "requests") ?? 40);
    const report = await connectEngine(state).call<VerifyReport>("verify", { requests }, signal);
    if (textOption(input, "output") === "json") terminal.print(JSON.stringify(report, undefined, 2));
    else printReport(report, terminal);
    return report.ok ? 0 : 1;
  },
};

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
