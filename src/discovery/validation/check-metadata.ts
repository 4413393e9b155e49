import type { CheckedObject, ValidationProblem } from "./contracts.ts";

const dryRun = "istio.io/dry-run";
/** Objects with it are refused, so that one can try whether the webhook refuses anything. */
export const alwaysReject = "internal.istio.io/webhook-always-reject";
/** Set by Istio on objects that it makes of others; whoever may write them could speak for another namespace. */
const internal = ["internal.istio.io/parent-namespace", "internal.istio.io/parents"];

/** What annotations keep an object of Istio out. */
export function checkMetadata({ kind, annotations, spec }: CheckedObject): ValidationProblem[] {
  const problems: ValidationProblem[] = [];
  const refuse = (annotation: string, message: string) => {
    problems.push({
      severity: "error",
      path: `metadata.annotations[${JSON.stringify(annotation)}]`,
      message,
    });
  };
  for (const name of internal)
    if (annotations[name] !== undefined)
      refuse(name, `${JSON.stringify(name)} annotation found, this may not be set by users`);
  if (annotations[alwaysReject] !== undefined)
    refuse(alwaysReject, `${JSON.stringify(alwaysReject)} annotation found, rejecting`);
  const value = annotations[dryRun];
  if (value === undefined) return problems;
  const action = spec.field("action").text || "ALLOW";
  if (kind !== "AuthorizationPolicy")
    refuse(dryRun, `unsupported annotation ${dryRun}, please remove the annotation`);
  else if (action !== "ALLOW" && action !== "DENY")
    refuse(
      dryRun,
      `the annotation ${dryRun} currently only supports action ALLOW/DENY, found action ${action}`,
    );
  else if (!/^(?:1|0|t|f|true|false)$/i.test(value))
    refuse(dryRun, `invalid value (${value}): write true or false`);
  return problems;
}
