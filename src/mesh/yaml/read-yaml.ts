import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  Scalar,
  type YAMLMap,
} from "yaml";
import type { Diagnostic } from "../../base/index.ts";
import type { Located, LocatedEntry } from "./located.ts";
import { createSource, type Place, rangeOf, type Source } from "./source.ts";

const codes = {
  mesh: { notYaml: "mesh/not-yaml", tooLarge: "mesh/too-large", duplicateKey: "mesh/duplicate-key" },
  manifest: {
    notYaml: "manifest/yaml",
    tooLarge: "manifest/too-large",
    duplicateKey: "manifest/duplicate-key",
  },
} as const;

/** How a text is read. */
export interface ReadOptions {
  /** Which group the diagnostics' codes are of. */
  readonly group: keyof typeof codes;
  /**
   * "kubernetes" reads what kubectl reads: yes, no, on, off, y and n are booleans, 0644 is octal and 1_000
   * a number (YAML 1.1 as Go's YAML library does it). "core" is YAML 1.2.
   */
  readonly dialect: "core" | "kubernetes";
  /** Longer texts are refused, in characters. */
  readonly maxLength: number;
}

/** The documents of a text in order (empty ones left out), and everything that is wrong with its YAML. */
export interface ReadYaml {
  readonly source: Source;
  readonly documents: readonly Located[];
  readonly problems: readonly Diagnostic[];
}

/** More nodes than any hand-written file has; aliases of aliases reach it soon. */
const maxNodes = 200_000;

/** Reads YAML (or JSON) and keeps where everything stands. Never throws. */
export function readYaml(file: string, text: string, options: ReadOptions): ReadYaml {
  const source = createSource(file, text);
  const problems: Diagnostic[] = [];
  const problem: Conversion["problem"] = (code, place, message, hint) => {
    problems.push({
      severity: "error",
      code: codes[options.group][code],
      path: [],
      message,
      ...(hint === undefined ? {} : { hint }),
      range: rangeOf(place),
    });
  };
  const top: Place = { source, start: 0, end: 0 };
  if (text.length > options.maxLength) {
    problem(
      "tooLarge",
      top,
      `the file has ${text.length} characters`,
      `at most ${options.maxLength} are read`,
    );
    return { source, documents: [], problems };
  }
  try {
    const documents = parse(text).flatMap((document) => {
      // What follows the first error is mostly its consequence.
      for (const { code, message, pos } of [...document.errors, ...document.warnings].slice(0, 1)) {
        problem(
          "notYaml",
          { source, start: pos[0], end: Math.max(pos[1], pos[0] + 1) },
          yamlMessage(code, message),
        );
      }
      if (document.errors.length > 0 || document.contents === null) return [];
      const located = convert(document, { source, problem, dialect: options.dialect, nodes: 0 });
      return located === undefined ? [] : [located];
    });
    return { source, documents, problems };
  } catch (reason) {
    // The parser is recursive: a thousand opening brackets end here.
    const why = reason instanceof RangeError ? "it is nested too deeply" : (reason as Error).message;
    problem("notYaml", top, `the file can't be read as YAML: ${why}`);
    return { source, documents: [], problems };
  }
}

function parse(text: string): readonly Document.Parsed[] {
  const documents = parseAllDocuments(text, {
    lineCounter: new LineCounter(),
    prettyErrors: false,
    uniqueKeys: false,
    merge: true,
  });
  return Array.isArray(documents) ? documents : [];
}

/** The parser's own words, with the common slips said plainly. */
function yamlMessage(code: string, message: string): string {
  if (code === "TAB_AS_INDENT") return "a tab stands where YAML wants spaces";
  if (code === "BAD_INDENT") return "the indentation does not fit the lines around it";
  return message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, "");
}

interface Conversion {
  readonly source: Source;
  readonly dialect: ReadOptions["dialect"];
  problem(code: keyof (typeof codes)["mesh"], place: Place, message: string, hint?: string): void;
  nodes: number;
}

function convert(document: Document.Parsed, conversion: Conversion): Located | undefined {
  const { source, problem } = conversion;
  const placeOf = (node: Node): Place => {
    const [start, end] = node.range ?? [0, 0];
    return { source, start, end };
  };

  const locate = (node: Node | null, at: Place): Located => {
    conversion.nodes += 1;
    if (conversion.nodes > maxNodes) throw new Error(`it has more than ${maxNodes} values`);
    if (isAlias(node)) return { ...locate(node.resolve(document) ?? null, at), place: placeOf(node) };
    if (isMap(node)) return { kind: "map", entries: entriesOf(node), place: placeOf(node) };
    if (isSeq(node)) {
      const items = node.items.map((item) => locate(item as Node, placeOf(item as Node)));
      return { kind: "list", items, place: placeOf(node) };
    }
    if (isScalar(node)) {
      const place = placeOf(node);
      const written = node.source ?? String(node.value ?? "");
      return { kind: "scalar", value: scalarValue(node, conversion.dialect), written, place };
    }
    return { kind: "scalar", value: null, written: "", place: at };
  };

  const entriesOf = (map: YAMLMap): ReadonlyMap<string, LocatedEntry> => {
    const entries = new Map<string, LocatedEntry>();
    const merged = new Map<string, LocatedEntry>();
    for (const pair of map.items as readonly Pair<Node | null, Node | null>[]) {
      if (!isPair(pair)) continue;
      const { key, value } = pair;
      if (key === null || (!isScalar(key) && !isAlias(key))) {
        problem("notYaml", key === null ? placeOf(map) : placeOf(key), "a key has to be text");
        continue;
      }
      const place = placeOf(key);
      const scalar = isAlias(key) ? key.resolve(document) : key;
      const name = isScalar(scalar) ? keyName(scalar, conversion.dialect) : "";
      const located = locate(value, place);
      if (name === "<<" && isScalar(scalar) && scalar.type === Scalar.PLAIN) {
        for (const [inherited, entry] of inheritedEntries(located))
          if (!merged.has(inherited)) merged.set(inherited, entry);
        continue;
      }
      const first = entries.get(name);
      if (first === undefined) entries.set(name, { key: place, value: located });
      else
        problem(
          "duplicateKey",
          place,
          `"${name}" is already given in line ${rangeOf(first.key).line}`,
          "keep one of them",
        );
    }
    for (const [name, entry] of merged) if (!entries.has(name)) entries.set(name, entry);
    return entries;
  };

  return document.contents === null
    ? undefined
    : locate(document.contents as Node, { source, start: 0, end: 0 });
}

/** What `<<: *anchor` or `<<: [*a, *b]` brings in; earlier ones win. */
function inheritedEntries(node: Located): readonly (readonly [string, LocatedEntry])[] {
  if (node.kind === "map") return [...node.entries];
  return node.kind === "list" ? node.items.flatMap((item) => inheritedEntries(item)) : [];
}

/** A key is text whatever it looks like; only Go's YAML library takes `y:` and `no:` for booleans first. */
function keyName(key: Scalar, dialect: ReadOptions["dialect"]): string {
  const value = scalarValue(key, dialect);
  return typeof value === "boolean" && dialect === "kubernetes"
    ? String(value)
    : (key.source ?? String(key.value));
}

function scalarValue(node: Scalar, dialect: ReadOptions["dialect"]): string | number | boolean | null {
  const { value, type, source = "" } = node;
  if (dialect === "kubernetes" && type === Scalar.PLAIN && node.tag === undefined) {
    if (/^(?:y|Y|yes|Yes|YES|on|On|ON)$/.test(source)) return true;
    if (/^(?:n|N|no|No|NO|off|Off|OFF)$/.test(source)) return false;
    if (/^[-+]?0[0-7]+$/.test(source)) return Number.parseInt(source, 8);
    if (/^[-+]?\d[\d_]*$/.test(source)) return Number(source.replaceAll("_", ""));
  }
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return value === null || value === undefined ? null : String(value);
}
