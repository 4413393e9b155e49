import { isJsonObject } from "./json-value.ts";

/** A JSON value as Go's `%v` prints it: `map[a:1 b:[x y]]`. For messages that clients know in that form. */
export function goString(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goString).join(" ")}]`;
  if (isJsonObject(value))
    return `map[${Object.keys(value)
      .sort()
      .map((name) => `${name}:${goString(value[name])}`)
      .join(" ")}]`;
  return String(value);
}
