import type { Condition } from "../kube/index.ts";

/** `condition` with the time of its last change: that of the same one in `before`, unless its status is another. */
export function stamped(
  condition: Omit<Condition, "lastTransitionTime">,
  before: readonly Condition[] | undefined,
  now: number,
): Condition {
  const same = before?.find(({ type }) => type === condition.type);
  const since = same?.status === condition.status ? same.lastTransitionTime : undefined;
  return { ...condition, lastTransitionTime: since ?? timestamp(now) };
}

/** A time as Kubernetes writes it, to the second. */
export function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+/, "");
}
