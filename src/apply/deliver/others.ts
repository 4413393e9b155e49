import { IsthmusError } from "../../base/index.ts";
import type { Applying } from "./applying.ts";

/** The clusters of an apply, as one of them sees the others. */
export interface Others {
  readonly applying: ReadonlyMap<string, Applying>;
  /** Why a cluster can't be applied to. */
  readonly unreachable: ReadonlyMap<string, IsthmusError>;
}

/** Why nothing will come of `cluster`; undefined while it may. */
export function failureOf(cluster: string, { applying, unreachable }: Others): unknown {
  const { failed } = applying.get(cluster) ?? {};
  return failed?.aborted === true ? failed.reason : unreachable.get(cluster);
}

/** That `waiter` can't go on without `what` of another cluster, which failed. */
export function blocked(waiter: string, what: string, cluster: string, cause: unknown): IsthmusError {
  const { message } = IsthmusError.from(cause);
  const why = message.startsWith(`${cluster}: `) ? message.slice(cluster.length + 2) : message;
  return new IsthmusError("apply/blocked", `${waiter} needs ${what}, and ${cluster} failed: ${why}`, {
    cause,
    nextStep: `Mend ${cluster}, then run this again: it resumes where it stopped.`,
  });
}
