import { IsthmusError } from "../../base/index.ts";
import type { Finding, ObjectReference, Severity } from "../../checks/index.ts";

/** Which findings somebody wants to see. */
export interface Selection {
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly clusters: readonly string[];
  /** The least severity that is shown. */
  readonly threshold: Severity;
  /** "IST0103", or "IST0103=Pod curl.sample": a code, of ours or Istio's, perhaps for one object only; "*" stands for any text. */
  readonly suppressed: readonly string[];
}

/** From the least to the worst. */
const severities = ["info", "warning", "error"] as const;

/** Whether a severity is at least another one. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return severities.indexOf(severity) >= severities.indexOf(least);
}

/** A severity as an option writes it, in any case of letters; `otherwise` when it was not given. */
export function parseSeverity(option: string, text: string | undefined, otherwise: Severity): Severity {
  if (text === undefined) return otherwise;
  const found = severities.find((one) => one === text.toLowerCase());
  if (found === undefined)
    throw new IsthmusError("arguments/wrong", `--${option} is info, warning or error, not "${text}"`);
  return found;
}

/** Those of the findings that are wanted, in their order. */
export function selectFindings(findings: readonly Finding[], selection: Selection): readonly Finding[] {
  const { namespaces, clusters, threshold, suppressed } = selection;
  return findings.filter(
    (finding) =>
      isAtLeast(finding.severity, threshold) &&
      (clusters.length === 0 || clustersOf(finding).some((name) => clusters.includes(name))) &&
      (namespaces.length === 0 || finding.objects.some((one) => namespaces.includes(namespaceOf(one)))) &&
      !suppressed.some((rule) => suppresses(rule, finding)),
  );
}

function clustersOf({ cluster, objects }: Finding): readonly string[] {
  return [cluster, ...objects.map((one) => one.cluster)];
}

/** A Namespace counts as being in itself. */
function namespaceOf({ kind, namespace, name }: ObjectReference): string {
  return kind === "Namespace" ? name : (namespace ?? "");
}

function suppresses(rule: string, { code, istioCode, objects }: Finding): boolean {
  const [wanted, ...rest] = rule.split("=");
  if (wanted !== code && wanted !== istioCode) return false;
  if (rest.length === 0) return true;
  const parts = rest
    .join("=")
    .split("*")
    .map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`^${parts.join(".*")}$`);
  return (
    objects.length > 0 &&
    objects.every(({ kind, name, namespace }) =>
      pattern.test(`${kind} ${namespace === undefined ? name : `${name}.${namespace}`}`),
    )
  );
}
