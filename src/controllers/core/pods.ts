import type { Pod } from "../../kube/index.ts";
import { findCondition } from "./conditions.ts";

/** Whether the pod has ended for good, well or badly. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/** Whether the pod counts for its controller: neither finished nor on its way out. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && !isTerminating(pod);
}

/** Whether the pod's Ready condition is true. A terminating pod may still be ready. */
export function isReady(pod: Pod): boolean {
  return findCondition(pod.status?.conditions, "Ready")?.status === "True";
}

/** When the pod became ready, in milliseconds; undefined when it isn't. */
export function readySince(pod: Pod): number | undefined {
  const condition = findCondition(pod.status?.conditions, "Ready");
  if (condition?.status !== "True") return undefined;
  return Date.parse(condition.lastTransitionTime ?? "") || 0;
}

/** Milliseconds until the pod has been ready for `minReadySeconds`; 0: it is available; undefined: it is not ready. */
export function availableIn(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  const since = readySince(pod);
  if (since === undefined) return undefined;
  return minReadySeconds === 0 ? 0 : Math.max(0, since + minReadySeconds * 1000 - now);
}
