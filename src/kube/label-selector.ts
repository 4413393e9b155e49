import type { LabelSelector } from "./types.ts";

type Labels = Readonly<Record<string, string>>;

/** Whether `labels` has every entry of `wanted` (a Service's selector, a nodeSelector). An empty `wanted` fits everything. */
export function matchesLabels(wanted: Labels, labels: Labels | undefined): boolean {
  return Object.entries(wanted).every(([name, value]) => labels?.[name] === value);
}

/**
 * Whether a LabelSelector selects an object with these labels, as Kubernetes decides: no selector selects
 * nothing, an empty one everything, and NotIn holds where the label is missing.
 */
export function matchesLabelSelector(
  selector: LabelSelector | undefined,
  labels: Labels | undefined,
): boolean {
  if (selector === undefined) return false;
  if (!matchesLabels(selector.matchLabels ?? {}, labels)) return false;
  return (selector.matchExpressions ?? []).every((requirement) =>
    meetsRequirement(requirement, labels?.[requirement.key]),
  );
}

/**
 * Whether a label's value, undefined when it is missing, meets a requirement of a LabelSelector. An operator of a
 * later Kubernetes is not met: select too little rather than too much.
 */
export function meetsRequirement(
  { operator, values = [] }: { readonly operator: string; readonly values?: readonly string[] },
  value: string | undefined,
): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}

/** Whether the selector has no condition at all, and so selects everything. */
export function isEmptySelector(selector: LabelSelector): boolean {
  return (
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
  );
}
