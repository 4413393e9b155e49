import type { Finding } from "../checks/index.ts";
import type { Paint } from "./terminal.ts";

/** Findings for people: the effect first, then its cause, what was read, and the way out. */
export function findingLines(findings: readonly Finding[], paint: Paint): string[] {
  if (findings.length === 0) return ["No findings."];
  return findings.flatMap((finding, index) => [...(index === 0 ? [] : [""]), ...linesOf(finding, paint)]);
}

function linesOf({ code, severity, effect, cause, evidence, fix }: Finding, paint: Paint): string[] {
  const mark = severity === "error" ? paint.bad("✗") : paint.warn("!");
  const [first = "", ...more] = evidence;
  return [
    `${mark} ${effect}     ${paint.dim(code)}`,
    `  cause     ${cause}`,
    ...(first === "" ? [] : [`  evidence  ${first}`, ...more.map((line) => `            ${line}`)]),
    `  fix       ${fix}`,
  ];
}
