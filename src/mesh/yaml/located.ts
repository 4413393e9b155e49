import type { Place } from "./source.ts";

/** A value of a YAML text together with the place that says it. */
export type Located = LocatedMap | LocatedList | LocatedScalar;

export interface LocatedMap {
  readonly kind: "map";
  /** In the order of the text. */
  readonly entries: ReadonlyMap<string, LocatedEntry>;
  readonly place: Place;
}

export interface LocatedEntry {
  readonly key: Place;
  readonly value: Located;
}

export interface LocatedList {
  readonly kind: "list";
  readonly items: readonly Located[];
  readonly place: Place;
}

export interface LocatedScalar {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  /** As it stands in the text, without quotes: "1.30" for the number 1.3. */
  readonly written: string;
  readonly place: Place;
}

/** The plain value, without places: what JSON.parse would give. */
export function plainValue(node: Located): unknown {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "list":
      return node.items.map(plainValue);
    case "map":
      return Object.fromEntries([...node.entries].map(([name, { value }]) => [name, plainValue(value)]));
  }
}

/** Whether nothing is written there: `key:` with no value, `null` or `~`. */
export function isNothing(node: Located): boolean {
  return node.kind === "scalar" && node.value === null;
}

/** What a node is, in a user's words: "text", "a number", "a list" … */
export function describeNode(node: Located): string {
  if (node.kind !== "scalar") return node.kind === "map" ? "a map" : "a list";
  switch (typeof node.value) {
    case "string":
      return "text";
    case "number":
      return "a number";
    case "boolean":
      return `${node.value} (yes or no)`;
    default:
      return "nothing";
  }
}
