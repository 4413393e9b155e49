import type { Diagnostic } from "../../base/index.ts";
import type { Located } from "../yaml/located.ts";
import { type Place, rangeOf } from "../yaml/source.ts";

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Names from the top of the file to a value: ["clusters", "ash", "primary"]. */
export type Path = readonly (string | number)[];

/**
 * One kind of value of the mesh file: how it is read and what editors are told about it. Both come from the
 * same description, so that they can't disagree.
 */
export interface Reader<T> {
  /** The value, or undefined after saying in `problems` what is wrong with it. */
  read(node: Located, path: Path, problems: Problems): T | undefined;
  readonly schema: JsonSchema;
}

/** What a Reader gives. */
export type Read<R> = R extends Reader<infer T> ? T : never;

/** Collects what is wrong with a file. */
export interface Problems {
  readonly found: readonly Diagnostic[];
  add(code: Diagnostic["code"], path: Path, place: Place, message: string, hint?: string): void;
}

/** An empty collection. */
export function createProblems(): Problems {
  const found: Diagnostic[] = [];
  return {
    found,
    add(code, path, place, message, hint) {
      found.push({
        severity: "error",
        code,
        path,
        message,
        ...(hint === undefined ? {} : { hint }),
        range: rangeOf(place),
      });
    },
  };
}

/** Last name of a path as a message shows it: "primary", or "item 3 of manifests". */
export function fieldName(path: Path): string {
  const last = path.at(-1);
  if (typeof last !== "number") return last === undefined ? "the mesh file" : `"${last}"`;
  return `item ${last + 1} of ${fieldName(path.slice(0, -1))}`;
}
