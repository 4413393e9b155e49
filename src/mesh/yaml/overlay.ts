import type { Diagnostic } from "../../base/index.ts";
import { isNothing, type Located, type LocatedEntry } from "./located.ts";
import { readYaml } from "./read-yaml.ts";
import { createSource, type Place, rangeOf } from "./source.ts";

/**
 * `over` laid on `base`: maps are merged deeply, everything else is replaced, and a key that `over` gives
 * without a value (null) is taken out, as in Helm. Places stay those of the text that said it.
 */
export function overlay(base: Located, over: Located): Located {
  if (base.kind !== "map" || over.kind !== "map") return over;
  const entries = new Map(base.entries);
  for (const [name, entry] of over.entries) {
    const present = entries.get(name);
    if (present !== undefined && isNothing(entry.value)) entries.delete(name);
    else if (present === undefined) entries.set(name, entry);
    else {
      // A map that both have stays where it was first said; what is replaced is where it was said last.
      const isMerged = present.value.kind === "map" && entry.value.kind === "map";
      const key = isMerged ? present.key : entry.key;
      entries.set(name, { key, value: overlay(present.value, entry.value) });
    }
  }
  return { kind: "map", entries, place: base.place };
}

/** What diagnostics call a `--set`. */
export const setFile = "--set";

/** What one `--set path.to.field=value` says, as a map to lay over the file; or what is wrong with it. */
export type ReadSet =
  | { readonly ok: true; readonly value: Located }
  | { readonly ok: false; readonly problems: readonly Diagnostic[] };

/**
 * Reads one `--set`. The value is YAML (`3`, `true`, `[a, b]`); a dot in a name is written `\.`.
 * Diagnostics show the argument as the text of a file called "--set".
 */
export function readSet(argument: string): ReadSet {
  const source = createSource(setFile, argument);
  const refuse = (start: number, end: number, message: string): ReadSet => ({
    ok: false,
    problems: [
      {
        severity: "error",
        code: "mesh/bad-set",
        path: [],
        message,
        hint: "write it as --set clusters.west.network=n2",
        range: rangeOf({ source, start, end }),
      },
    ],
  });
  const equals = argument.indexOf("=");
  if (equals <= 0) return refuse(0, argument.length, "a --set needs a field, an equals sign and a value");
  const names = fieldNames(argument.slice(0, equals));
  const empty = names.find(({ name }) => name === "");
  if (empty !== undefined) return refuse(empty.start, equals, "the path of this --set has an empty name");

  // Spaces instead of the path keep the columns of what the YAML reader reports.
  const shifted = " ".repeat(equals + 1) + argument.slice(equals + 1);
  const { documents, problems } = readYaml(setFile, shifted, {
    group: "mesh",
    dialect: "core",
    maxLength: 100_000,
  });
  if (problems.length > 0) {
    return { ok: false, problems: problems.map((one) => withText(one, argument)) };
  }
  const rest: Place = { source, start: equals + 1, end: argument.length };
  const [value = { kind: "scalar", value: null, written: "", place: rest } as const] = documents;
  const innermost = relocate(value, rest.source);
  return {
    ok: true,
    value: names.reduceRight<Located>((inner, { name, start, end }) => {
      const entries = new Map<string, LocatedEntry>([[name, { key: { source, start, end }, value: inner }]]);
      return { kind: "map", entries, place: { source, start, end: argument.length } };
    }, innermost),
  };
}

function withText(diagnostic: Diagnostic, text: string): Diagnostic {
  return diagnostic.range === undefined
    ? diagnostic
    : { ...diagnostic, range: { ...diagnostic.range, text } };
}

/** The names of a dotted path with their offsets; `\.` is a dot inside a name. */
function fieldNames(path: string): { readonly name: string; readonly start: number; readonly end: number }[] {
  const names = [];
  let name = "";
  let start = 0;
  for (let i = 0; i <= path.length; i++) {
    const character = path[i];
    if (character === "\\" && path[i + 1] === ".") {
      name += ".";
      i += 1;
    } else if (character === "." || character === undefined) {
      names.push({ name, start, end: i });
      name = "";
      start = i + 1;
    } else name += character;
  }
  return names;
}

/** The same value with every place in `source`; offsets stay. */
function relocate(node: Located, source: Place["source"]): Located {
  const place = { ...node.place, source };
  if (node.kind === "scalar") return { ...node, place };
  if (node.kind === "list")
    return { ...node, place, items: node.items.map((item) => relocate(item, source)) };
  const entries = [...node.entries].map(
    ([name, { key, value }]) => [name, { key: { ...key, source }, value: relocate(value, source) }] as const,
  );
  return { ...node, place, entries: new Map(entries) };
}
