import type { SourceRange } from "../../base/index.ts";
import type { Located, LocatedEntry } from "./located.ts";
import { type Place, rangeOf } from "./source.ts";

/** Finds the text that said something. Knows every field that was written, not the defaults. */
export interface Places {
  /**
   * Where the field at `path` is written: its value, or with "key" its name. For something that is not written,
   * the nearest thing around it that is.
   */
  at(path: readonly (string | number)[], part?: "value" | "key"): SourceRange | undefined;
}

/** The places of everything below `root`. */
export function placesOf(root: Located): Places {
  return {
    at(path, part = "value") {
      const found = find(root, path);
      return found === undefined
        ? undefined
        : rangeOf(part === "key" || !found.complete ? found.key : found.value);
    },
  };
}

interface Found {
  readonly key: Place;
  readonly value: Place;
  /** Whether this is the field asked for, not one around it. */
  readonly complete: boolean;
}

function find(root: Located, path: readonly (string | number)[]): Found | undefined {
  let node: Located = root;
  let found: Found | undefined;
  for (const [index, step] of path.entries()) {
    const next = child(node, step);
    if (next === undefined) return found === undefined ? undefined : { ...found, complete: false };
    found = { key: next.key, value: next.value.place, complete: index === path.length - 1 };
    node = next.value;
  }
  return found;
}

function child(node: Located, step: string | number): LocatedEntry | undefined {
  if (node.kind === "map") return node.entries.get(String(step));
  const item = node.kind === "list" && typeof step === "number" ? node.items[step] : undefined;
  return item === undefined ? undefined : { key: item.place, value: item };
}
