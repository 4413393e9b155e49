import type { FieldChange, PlannedChange } from "../../apply/index.ts";
import type { TrafficReport } from "../../traffic/index.ts";
import { type Paint, table } from "../terminal.ts";
import { type PlannedCluster, planExitCode } from "./plan-mesh.ts";
import { trafficLines } from "./traffic-lines.ts";

type Action = PlannedChange["action"];

const marks: Readonly<Record<Action, (paint: Paint) => string>> = {
  create: (paint) => paint.good("+"),
  change: (paint) => paint.warn("~"),
  delete: (paint) => paint.bad("-"),
  release: (paint) => paint.dim("·"),
};
const verbs: Readonly<Record<Action, string>> = {
  create: "to create",
  change: "to change",
  delete: "to delete",
  release: "to let go",
};

/**
 * A plan for people: how much in each cluster, then what and why, each change with its fields, and what callers will notice.
 */
export function planLines(
  planned: readonly PlannedCluster[],
  traffic: TrafficReport,
  paint: Paint,
): string[] {
  const changed = planned.filter((one) => !("failure" in one) && one.changes.length > 0);
  return [
    ...table(planned.map((one) => [paint.bold(one.cluster), summary(one, paint)])),
    ...planned.flatMap((one) => detailLines(one, paint)),
    ...(changed.length === 0 ? [] : ["", ...trafficLines(traffic, paint)]),
  ];
}

/** What comes of a plan, in a line. */
export function planVerdict(planned: readonly PlannedCluster[], applyCommand: string): string {
  switch (planExitCode(planned)) {
    case 0:
      return "Nothing to do.";
    case 2:
      return `${applyCommand} does this. Exit code 2: changes pending.`;
    default:
      return "Not everything can be planned or applied as it is: exit code 1.";
  }
}

function summary(planned: PlannedCluster, paint: Paint): string {
  if ("failure" in planned) return paint.bad("can't be asked");
  const counts = (["create", "change", "delete", "release"] as const)
    .map((action) => [planned.changes.filter((change) => change.action === action).length, verbs[action]])
    .filter(([count]) => count !== 0)
    .map(([count, verb]) => `${count} ${verb}`);
  return counts.length === 0 ? `as it should be (${planned.unchanged} objects)` : counts.join(", ");
}

function detailLines(planned: PlannedCluster, paint: Paint): string[] {
  if ("failure" in planned) {
    const { message, nextStep, code } = planned.failure;
    return [
      "",
      paint.bold(planned.cluster),
      `  ${paint.bad("✗")} ${message}     ${paint.dim(code)}`,
      ...(nextStep === undefined ? [] : [`    ${nextStep}`]),
    ];
  }
  if (planned.changes.length === 0) return [];
  const heads = table(
    planned.changes.map((change) => [
      `  ${marks[change.action](paint)} ${change.kind}`,
      change.namespace === undefined ? change.name : `${change.namespace}/${change.name}`,
      paint.dim([change.from, ...(change.note === undefined ? [] : [`(${change.note})`])].join("   ")),
    ]),
  );
  return [
    "",
    paint.bold(planned.cluster),
    ...planned.changes.flatMap((change, i) => [
      heads[i] ?? "",
      ...fieldLines(change.fields),
      ...(change.conflicts ?? []).map(
        ({ manager, field }) =>
          `      ${paint.warn("!")} ${field} is ${manager}'s: only isthmus apply --force-conflicts takes it over`,
      ),
      ...(change.refused === undefined ? [] : [`      ${paint.bad("✗")} refused: ${change.refused}`]),
    ]),
  ];
}

function fieldLines(fields: readonly FieldChange[]): string[] {
  return table(
    fields.map(({ path, before, after }) => [`      ${path}`, `${shown(before)} → ${shown(after)}`]),
  );
}

/** Most characters of a value in one line. */
const widest = 60;

function shown(value: unknown): string {
  if (value === undefined) return "(none)";
  const text =
    typeof value === "string" && value !== "" ? value.replaceAll("\n", "⏎") : JSON.stringify(value);
  return text.length > widest ? `${text.slice(0, widest - 1)}…` : text;
}
