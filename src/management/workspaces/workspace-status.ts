import type { Condition, Workspace, WorkspaceProblem, WorkspaceStatus } from "../../kube/index.ts";
import { stamped } from "../conditions.ts";
import type { WorkspaceState } from "./contracts.ts";

/** What is known of a workspace beside its declaration. */
export interface WorkspaceProgress extends WorkspaceState {
  /** Names that its exports have in other clusters. */
  readonly hosts: readonly string[];
  /** Control planes that do not have everything of it yet. */
  readonly waitingFor: readonly string[];
}

/** The status of a workspace: Accepted unless something of it can't hold, Enforced when all control planes have it. */
export function workspaceStatus(
  { metadata, status }: Workspace,
  { namespaces, problems, hosts, waitingFor }: WorkspaceProgress,
  now: number,
): WorkspaceStatus {
  const errors = problems.filter(({ severity }) => severity === "error");
  const accepted = (errors[0] ?? problems[0]) as WorkspaceProblem | undefined;
  const observedGeneration = metadata.generation ?? 1;
  const condition = (type: string, isTrue: boolean, reason: string, message: string): Condition =>
    stamped(
      { type, status: isTrue ? "True" : "False", reason, message, observedGeneration },
      status?.conditions,
      now,
    );
  return {
    observedGeneration,
    conditions: [
      condition(
        "Accepted",
        errors.length === 0,
        accepted?.reason ?? "Accepted",
        problems.map(({ message }) => message).join("; "),
      ),
      condition(
        "Enforced",
        waitingFor.length === 0,
        waitingFor.length === 0 ? "Enforced" : "Waiting",
        waitingFor.length === 0 ? "" : `waiting for ${waitingFor.join(", ")}`,
      ),
    ],
    namespaces,
    hosts,
    problems,
  };
}
