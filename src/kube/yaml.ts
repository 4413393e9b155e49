import {
  Document,
  isMap,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  type Tags,
  type YAMLError,
} from "yaml";
import type { Diagnostic, SourceRange } from "../base/index.ts";
import type { KubeObject } from "./object.ts";
import { isJsonObject } from "./patch/json-value.ts";

/** One Kubernetes object of a YAML text. */
export interface YamlObject {
  readonly object: KubeObject;
  /** Where the object begins. */
  readonly range: SourceRange;
  /** Where a field stands, or the nearest field above it that the text has. */
  rangeOf(path: readonly (string | number)[]): SourceRange;
}

export interface YamlObjects {
  readonly objects: readonly YamlObject[];
  /** Empty when every document of the text is an object. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Go's YAML reader, and with it kubectl, takes neither times nor base-60 numbers out of plain text, so that
 * "12:30" and "2026-01-01" stay texts there; the other rules of YAML 1.1 hold ("yes" is true).
 */
function tagsOfGo(tags: Tags): Tags {
  return tags.filter(
    (tag) => typeof tag === "string" || (tag.format !== "TIME" && tag.tag !== "tag:yaml.org,2002:timestamp"),
  );
}

const readOptions = { version: "1.1", customTags: tagsOfGo, uniqueKeys: true, prettyErrors: false } as const;
/** Aliases that are followed in one document: enough for manifests, too few for a bomb. */
const mostAliases = 100;

/**
 * Reads the Kubernetes objects of a YAML stream (or JSON text), reading plain scalars as kubectl does. Empty
 * documents are skipped, the items of a List stand for themselves. Never throws: what is wrong is in the
 * diagnostics ("manifest/…"), and the documents that are right are there.
 */
export function parseYamlObjects(text: string, file = "manifest"): YamlObjects {
  const lines = new LineCounter();
  const source: Source = { file, text: text.split("\n"), lines };
  const objects: YamlObject[] = [];
  const diagnostics: Diagnostic[] = [];
  const documents = parseAllDocuments(text, { ...readOptions, lineCounter: lines });
  for (const document of "empty" in documents ? [] : documents) {
    for (const error of document.errors) diagnostics.push(syntaxDiagnostic(source, error));
    if (document.errors.length > 0 || document.contents === null) continue;
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: mostAliases });
    } catch (reason) {
      const message = reason instanceof Error ? reason.message : String(reason);
      diagnostics.push(
        problem(
          "manifest/yaml",
          `the document cannot be read: ${message}`,
          rangeAt(source, document.range[0]),
        ),
      );
      continue;
    }
    if (value === null || value === undefined) continue;
    collect(source, document.contents, value, [], objects, diagnostics);
  }
  return { objects, diagnostics };
}

interface Source {
  readonly file: string;
  readonly text: readonly string[];
  readonly lines: LineCounter;
}

function collect(
  source: Source,
  contents: ParsedNode,
  value: unknown,
  path: readonly (string | number)[],
  objects: YamlObject[],
  diagnostics: Diagnostic[],
): void {
  const rangeOf = (inner: readonly (string | number)[]) => rangeOfPath(source, contents, [...path, ...inner]);
  const range = rangeOf([]);
  if (!isJsonObject(value)) {
    diagnostics.push(
      problem(
        "manifest/no-object",
        "a Kubernetes object is expected here",
        range,
        "start it with apiVersion, kind and metadata",
      ),
    );
    return;
  }
  const { apiVersion, kind, metadata, items } = value;
  if (typeof kind === "string" && kind.endsWith("List") && Array.isArray(items)) {
    for (const [i, item] of items.entries())
      collect(source, contents, item, [...path, "items", i], objects, diagnostics);
    return;
  }
  for (const field of ["apiVersion", "kind"])
    if (typeof value[field] !== "string" || value[field] === "")
      diagnostics.push(
        problem(
          `manifest/no-${field === "kind" ? "kind" : "api-version"}`,
          `the object has no ${field}`,
          range,
        ),
      );
  const name = isJsonObject(metadata) ? (metadata["name"] ?? metadata["generateName"]) : undefined;
  if (typeof name !== "string" || name === "")
    diagnostics.push(problem("manifest/no-name", "the object has no metadata.name", rangeOf(["metadata"])));
  else if (typeof apiVersion === "string" && typeof kind === "string" && apiVersion !== "" && kind !== "")
    objects.push({ object: value as unknown as KubeObject, range, rangeOf });
}

function problem(code: Diagnostic["code"], message: string, range: SourceRange, hint?: string): Diagnostic {
  return { severity: "error", code, path: [], message, range, ...(hint === undefined ? {} : { hint }) };
}

/** What the parser complains about, for people who write manifests. */
const complaints: Readonly<
  Record<string, { readonly code: Diagnostic["code"]; readonly message: string; readonly hint?: string }>
> = {
  DUPLICATE_KEY: {
    code: "manifest/duplicate-key",
    message: "this field stands here twice",
    hint: "keep one of them",
  },
  TAB_AS_INDENT: { code: "manifest/tab", message: "a tab cannot indent YAML", hint: "use spaces" },
  BAD_INDENT: { code: "manifest/yaml", message: "the indentation does not fit the lines above" },
  BAD_ALIAS: { code: "manifest/yaml", message: "this alias names no anchor above it" },
  MULTILINE_IMPLICIT_KEY: {
    code: "manifest/yaml",
    message: "a field's name must stand on one line",
    hint: "is a colon missing?",
  },
  MISSING_CHAR: { code: "manifest/yaml", message: "a quote or bracket is not closed" },
  BLOCK_AS_IMPLICIT_KEY: {
    code: "manifest/yaml",
    message: "a nested field cannot begin on this line",
    hint: "put the value with a colon in it into quotes",
  },
};

function syntaxDiagnostic(source: Source, error: YAMLError): Diagnostic {
  const known = complaints[error.code];
  const range = rangeAt(source, error.pos[0], error.pos[1]);
  return problem(known?.code ?? "manifest/yaml", known?.message ?? error.message, range, known?.hint);
}

function rangeAt({ file, text, lines }: Source, start: number, end = start + 1): SourceRange {
  const { line, col } = lines.linePos(start);
  const last = lines.linePos(Math.max(start, end));
  const shown = (text[line - 1] ?? "").replace(/\r$/, "");
  const before = text[line - 2];
  const [at, column] = [Math.max(1, line), Math.max(1, col)];
  return {
    file,
    line: at,
    column,
    endColumn: last.line === line ? Math.max(column + 1, last.col) : Math.max(column + 1, shown.length + 1),
    text: shown,
    ...(before === undefined ? {} : { before: before.replace(/\r$/, "") }),
  };
}

function rangeOfPath(source: Source, contents: ParsedNode, path: readonly (string | number)[]): SourceRange {
  let node: unknown = contents;
  let [start, end] = contents.range;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      if (isScalar(pair.key) && pair.key.range) [start, end] = pair.key.range;
      node = pair.value;
    } else if (isSequence(node)) {
      const item = node.items[Number(step)];
      if (!hasRange(item)) break;
      [start, end] = item.range;
      node = item;
    } else break;
  }
  return rangeAt(source, start, Math.min(end, start + longestMark(source, start)));
}

/** A mark under the first line of what is meant is enough. */
function longestMark({ text, lines }: Source, start: number): number {
  const { line, col } = lines.linePos(start);
  return Math.max(1, (text[line - 1] ?? "").trimEnd().length - col + 1);
}

function isSequence(node: unknown): node is { readonly items: readonly unknown[] } {
  return typeof node === "object" && node !== null && "items" in node && Array.isArray(node.items);
}

function hasRange(node: unknown): node is { readonly range: readonly [number, number, number] } {
  return typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range);
}

/** Fields of objects that come first, in this order; the others follow by name. */
const leading: readonly string[] = ["apiVersion", "kind", "metadata", "name", "namespace"];

/**
 * Writes a value as YAML that YAML 1.1 and 1.2 readers (Go's among them) read alike: "yes", "1.0" or "12:30"
 * as texts are quoted. The fields of an object come in a stable order: apiVersion, kind, metadata, then the
 * others by name. A list of values with apiVersion makes a stream of documents.
 */
export function formatYaml(value: unknown): string {
  const values: readonly unknown[] =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((item) => isJsonObject(item) && "apiVersion" in item)
      ? value
      : [value];
  return values
    .map((item) =>
      new Document(ordered(item), writeOptions).toString({
        lineWidth: 0,
        directives: false,
        indentSeq: false,
      }),
    )
    .join("---\n");
}

/** A Map keeps the order of its fields, also of those that look like numbers, but must not become an !!omap. */
const writeOptions = {
  version: "1.1",
  aliasDuplicateObjects: false,
  customTags: (tags: Tags) => tags.filter((tag) => typeof tag === "string" || !tag.tag.endsWith(":omap")),
} as const;

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isJsonObject(value)) return value;
  const rank = (name: string) => {
    const at = leading.indexOf(name);
    return at < 0 ? leading.length : at;
  };
  return new Map(
    Object.keys(value)
      .filter((name) => value[name] !== undefined)
      .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
      .map((name) => [name, ordered(value[name])]),
  );
}
