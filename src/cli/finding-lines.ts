import type { Finding, ObjectReference, Severity } from "../checks/index.ts";
import { type Paint, table } from "./terminal.ts";

/** Findings for people: the effect first, then its cause, what was read, and the way out. */
export function findingLines(findings: readonly Finding[], paint: Paint): string[] {
  if (findings.length === 0) return ["No findings."];
  return findings.flatMap((finding, index) => [...(index === 0 ? [] : [""]), ...linesOf(finding, paint)]);
}

/** Findings as rows: where, what and which object; the rest is in the other forms. */
export function findingTable(findings: readonly Finding[], paint: Paint): string[] {
  if (findings.length === 0) return ["No findings."];
  const rows = findings.map(({ severity, code, istioCode, cluster, objects: [first], effect }) => [
    marks[severity](paint),
    istioCode ?? "–",
    code,
    cluster,
    first === undefined ? "–" : objectName(first),
    effect,
  ]);
  return table([["", "ISTIO", "CODE", "CLUSTER", "OBJECT", "EFFECT"], ...rows]);
}

function objectName({ kind, namespace, name }: ObjectReference): string {
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}

function linesOf(
  { code, istioCode, severity, effect, cause, evidence, fix }: Finding,
  paint: Paint,
): string[] {
  const mark = marks[severity](paint);
  const [first = "", ...more] = evidence;
  return [
    `${mark} ${effect}     ${paint.dim(istioCode === undefined ? code : `${code} ${istioCode}`)}`,
    `  cause     ${cause}`,
    ...(first === "" ? [] : [`  evidence  ${first}`, ...more.map((line) => `            ${line}`)]),
    `  fix       ${fix}`,
  ];
}

const marks: Readonly<Record<Severity, (paint: Paint) => string>> = {
  error: (paint) => paint.bad("✗"),
  warning: (paint) => paint.warn("!"),
  info: (paint) => paint.dim("i"),
};
