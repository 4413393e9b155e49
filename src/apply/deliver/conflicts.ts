import type { ApiError } from "../../kube/index.ts";

/** A field that another manager owns with another value. */
export interface FieldConflict {
  /** As kubectl shows it: "kubectl-edit". */
  readonly manager: string;
  /** ".spec.replicas" */
  readonly field: string;
}

/** Whose fields a server-side apply would have changed; empty when it was refused for something else. */
export function conflictsOf(refusal: ApiError): readonly FieldConflict[] {
  if (refusal.code !== 409) return [];
  return (refusal.status.details?.causes ?? [])
    .filter(({ reason }) => reason === "FieldManagerConflict")
    .map(({ message = "", field = "" }) => ({
      manager: /^conflict with "?([^"]+)"?/.exec(message)?.[1] ?? message,
      field,
    }));
}

export function conflictText({ manager, field }: FieldConflict): string {
  return `${field} is ${manager}'s`;
}
