import { nearestName } from "../../base/index.ts";
import type { LocatedMap } from "../yaml/located.ts";
import type { JsonSchema, Path, Problems, Read, Reader } from "./reader.ts";
import { wrongType } from "./values.ts";

/** One field of a map with fixed names. */
export interface Field<T> {
  readonly reader: Reader<T>;
  /** What it means, for people in an editor. Markdown. */
  readonly doc: string;
  readonly required?: boolean;
  /** What holds when it is not written, as editors show it. */
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

/** A field; only here so that its type is inferred. */
export function field<T>(
  reader: Reader<T>,
  doc: string,
  more: Omit<Field<T>, "reader" | "doc"> = {},
): Field<T> {
  return { reader, doc, ...more };
}

type Fields = Readonly<Record<string, Field<unknown>>>;

/** The fields that were written and are right. */
export type ReadFields<F extends Fields> = { readonly [Name in keyof F]?: Read<F[Name]["reader"]> };

/**
 * A map with fixed names. `owner` begins the sentence about a wrong one: "clusters have", "the mesh file has".
 * Unknown names, missing ones and wrong values are all reported; what is right is read nevertheless, so that
 * later checks can go on.
 */
export function object<F extends Fields>(owner: string, fields: F): Reader<ReadFields<F>> {
  return {
    schema: objectSchema(fields),
    read(node, path, problems) {
      if (node.kind === "scalar" && node.value === null)
        return readEntries({ ...node, kind: "map", entries: new Map() }, path, problems);
      if (node.kind === "map") return readEntries(node, path, problems);
      wrongType(node, path, problems, "a map", `its fields are ${Object.keys(fields).join(", ")}`);
      return undefined;
    },
  };

  function readEntries(node: LocatedMap, path: Path, problems: Problems): ReadFields<F> {
    const read: Record<string, unknown> = {};
    for (const [name, { key, value }] of node.entries) {
      const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (known === undefined) {
        const near = nearestName(name, Object.keys(fields));
        const hint =
          near === undefined ? `its fields are ${Object.keys(fields).join(", ")}` : `did you mean "${near}"?`;
        problems.add("mesh/unknown-field", [...path, name], key, `${owner} no field "${name}"`, hint);
        continue;
      }
      if (value.kind === "scalar" && value.value === null && !("properties" in known.reader.schema)) continue;
      const one = known.reader.read(value, [...path, name], problems);
      if (one !== undefined) read[name] = one;
    }
    for (const [name, { required, examples }] of Object.entries(fields)) {
      if (required !== true || node.entries.has(name)) continue;
      const hint =
        examples?.[0] === undefined
          ? undefined
          : `for example ${name}: ${typeof examples[0] === "string" ? examples[0] : JSON.stringify(examples[0])}`;
      problems.add("mesh/missing-field", [...path, name], node.place, `"${name}" is missing`, hint);
    }
    return read as ReadFields<F>;
  }
}

function objectSchema(fields: Fields): JsonSchema {
  const required = Object.entries(fields).flatMap(([name, one]) => (one.required === true ? [name] : []));
  return {
    type: "object",
    properties: Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, fieldSchema(one)])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

function fieldSchema({ reader, doc, default: value, examples }: Field<unknown>): JsonSchema {
  return {
    description: doc,
    ...reader.schema,
    ...(value === undefined ? {} : { default: value }),
    ...(examples === undefined ? {} : { examples }),
  };
}
