/**
 * A value as JSON with sorted keys and without null, undefined and empty objects and lists: equal text for
 * values that Kubernetes treats as equal, whoever wrote them.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(canonical(value)) ?? "null";
}

/** Whether Kubernetes would call the two values equal (its "semantic" equality). */
export function isEquivalent(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value))
    return value.length === 0 ? undefined : value.map((item) => canonical(item) ?? null);
  if (typeof value !== "object" || value === null) return value ?? undefined;
  const sorted: Record<string, unknown> = {};
  let isEmpty = true;
  for (const key of Object.keys(value).sort()) {
    const item = canonical((value as Record<string, unknown>)[key]);
    if (item === undefined) continue;
    sorted[key] = item;
    isEmpty = false;
  }
  return isEmpty ? undefined : sorted;
}
