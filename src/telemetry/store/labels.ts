/** The labels of a series, its name as `__name__`. Empty values mean that there is no such label. Never changed. */
export type Labels = Readonly<Record<string, string>>;

/** The label that holds a series' name. */
export const nameLabel = "__name__";

/** The same text for the same labels, whatever their order. */
export function labelsKey(labels: Labels): string {
  let key = "";
  for (const name of Object.keys(labels).sort()) key += `${name}\xff${labels[name]}\xff`;
  return key;
}

/** Like {a="b"}, as Prometheus writes a series without its samples. */
export function formatLabels(labels: Labels): string {
  const { [nameLabel]: name = "", ...rest } = labels;
  const pairs = Object.keys(rest)
    .sort()
    .map((label) => `${label}=${JSON.stringify(rest[label])}`);
  return pairs.length === 0 && name !== "" ? name : `${name}{${pairs.join(", ")}}`;
}
