import type { Condition } from "../../kube/index.ts";

/** The condition of this type, if there is one. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * The conditions with this one set, at its place or at the end. A condition with the same status and reason
 * stays as it is, whatever its message: otherwise a message that varies would be written for ever. The time
 * of transition changes with the status only.
 */
export function withCondition(conditions: readonly Condition[], condition: Condition): readonly Condition[] {
  const present = findCondition(conditions, condition.type);
  if (present === undefined) return [...conditions, condition];
  if (present.status === condition.status && present.reason === condition.reason) return conditions;
  const since =
    present.status === condition.status ? present.lastTransitionTime : condition.lastTransitionTime;
  const next = { ...condition, ...(since === undefined ? {} : { lastTransitionTime: since }) };
  return conditions.map((other) => (other === present ? next : other));
}

/** As withCondition, but a message that changed is written, too: for messages that count something down. */
export function withMessage(conditions: readonly Condition[], condition: Condition): readonly Condition[] {
  const set = withCondition(conditions, condition);
  const present = findCondition(set, condition.type);
  if (present === undefined || present.message === condition.message) return set;
  const { message = "" } = condition;
  return set.map((other) => (other === present ? { ...present, message } : other));
}

export function withoutCondition(conditions: readonly Condition[], type: string): readonly Condition[] {
  return conditions.filter((condition) => condition.type !== type);
}
