const textOf = new WeakMap<object, string>();

/**
 * The JSON text of a stored object. Made once for each object, since stored objects never change: a get, every
 * list and every watcher share it.
 */
export function jsonText(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const known = textOf.get(value);
  if (known !== undefined) return known;
  const made = JSON.stringify(value);
  textOf.set(value, made);
  return made;
}
