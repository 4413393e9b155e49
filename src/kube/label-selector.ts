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
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels?.[key];
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
        return false; // An operator of a later Kubernetes: select too little rather than too much.
    }
  });
}

/** Whether the selector has no condition at all, and so selects everything. */
export function isEmptySelector(selector: LabelSelector): boolean {
  return (
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
  );
}
