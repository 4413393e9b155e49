import type { Finding, Severity } from "../checks/index.ts";
import type { Paint } from "./terminal.ts";

/** Findings for people: the effect first, then its cause, what was read, and the way out. */
export function findingLines(findings: readonly Finding[], paint: Paint): string[] {
  if (findings.length === 0) return ["No findings."];
  return findings.flatMap((finding, index) => [...(index === 0 ? [] : [""]), ...linesOf(finding, paint)]);
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
