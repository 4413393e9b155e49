import type { KubectlCheck } from "./kubectl-check.ts";

/** Whether a check is tried with a version. */
export function isTried(check: KubectlCheck, version: string, versions: readonly string[]): boolean {
  const isFull = version === versions[0] || version === versions.at(-1);
  return (isFull || check.everywhere === true) && !isTooOld(check, version);
}

function isTooOld({ since }: KubectlCheck, version: string): boolean {
  return since !== undefined && version.localeCompare(since, "en", { numeric: true }) < 0;
}

/** The table of docs/kubernetes-compatibility.md: what is tried with which version of kubectl. */
export function compatibilityTable(checks: readonly KubectlCheck[], versions: readonly string[]): string {
  const cell = (check: KubectlCheck, version: string) =>
    isTooOld(check, version) ? "no" : isTried(check, version, versions) ? "yes" : "·";
  const rows = checks.map((check) => [
    check.command.replaceAll("|", "\\|"),
    ...versions.map((version) => cell(check, version)),
  ]);
  const lines = [["kubectl", ...versions], ["---", ...versions.map(() => ":-:")], ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
