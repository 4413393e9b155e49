import { isApiError } from "../../kube/index.ts";

/** How a remote command ended. */
export type Outcome = { readonly exitCode: number } | { readonly failure: unknown };

/** The Status that Kubernetes sends on the error channel when a remote command has ended. */
export function exitStatus(outcome: Outcome): object {
  if ("exitCode" in outcome) {
    const { exitCode } = outcome;
    if (exitCode === 0) return { metadata: {}, status: "Success" };
    return {
      metadata: {},
      status: "Failure",
      message: `command terminated with non-zero exit code: exit status ${exitCode}`,
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
    };
  }
  if (isApiError(outcome.failure)) return outcome.failure.status;
  const message = outcome.failure instanceof Error ? outcome.failure.message : String(outcome.failure);
  return {
    metadata: {},
    status: "Failure",
    message: `Internal error occurred: ${message}`,
    reason: "InternalError",
    details: { causes: [{ message }] },
    code: 500,
  };
}
