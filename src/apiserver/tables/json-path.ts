import { isJsonObject } from "../../kube/index.ts";

type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" }
  | { readonly kind: "filter"; readonly path: readonly Step[]; readonly op: string; readonly value: unknown };

/** A compiled path. */
export type JsonPath = readonly Step[];

/**
 * Compiles the JSONPath of a printer column, a scale path or a selectable field: `.spec.x`, `['a']`, `[0]`,
 * `[*]`, `[?(@.type=="Ready")]`, with `\` before dots inside names. Undefined when the text is none of these.
 */
export function parseJsonPath(text: string): JsonPath | undefined {
  const trimmed = text.trim().replace(/^\{(.*)\}$/s, "$1");
  const reader = { text: trimmed.replace(/^\$/, ""), at: 0 };
  const steps: Step[] = [];
  while (reader.at < reader.text.length) {
    const step = reader.text[reader.at] === "[" ? readBracket(reader) : readName(reader);
    if (step === undefined) return undefined;
    if (step !== "nothing") steps.push(step);
  }
  return steps;
}

interface Reader {
  readonly text: string;
  at: number;
}

function readName(reader: Reader): Step | "nothing" | undefined {
  const match = /^\.((?:\\.|[^.[\]\\])*)/s.exec(reader.text.slice(reader.at));
  if (match === null) return undefined;
  reader.at += match[0].length;
  const name = (match[1] ?? "").replace(/\\(.)/gs, "$1");
  if (name === "")
    return reader.text[reader.at] === "[" || reader.at === reader.text.length ? "nothing" : undefined;
  return name === "*" ? { kind: "all" } : { kind: "field", name };
}

function readBracket(reader: Reader): Step | undefined {
  const rest = reader.text.slice(reader.at);
  const match =
    /^\[(?:(?<index>-?\d+)|(?<all>\*)|'(?<single>(?:\\.|[^'\\])*)'|"(?<double>(?:\\.|[^"\\])*)"|\?\(\s*@(?<path>(?:\.[^=!<>\s]+)?)\s*(?:(?<op>==|!=|>=|<=|>|<)\s*(?<value>"[^"]*"|'[^']*'|[^)\s]+)\s*)?\))\]/s.exec(
      rest,
    );
  if (match?.groups === undefined) return undefined;
  reader.at += match[0].length;
  const { index, all, single, double, path, op, value } = match.groups;
  if (index !== undefined) return { kind: "index", index: Number(index) };
  if (all !== undefined) return { kind: "all" };
  const name = single ?? double;
  if (name !== undefined) return { kind: "field", name: name.replace(/\\(.)/gs, "$1") };
  const inner = parseJsonPath(path ?? "");
  return inner === undefined
    ? undefined
    : { kind: "filter", path: inner, op: op ?? "exists", value: literal(value) };
}

function literal(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  if (/^["']/.test(text)) return text.slice(1, -1);
  if (text === "true" || text === "false") return text === "true";
  return Number.isNaN(Number(text)) ? text : Number(text);
}

/** The values that a path finds, in order. */
export function findJsonPath(path: JsonPath, value: unknown): readonly unknown[] {
  return path.reduce<readonly unknown[]>((found, step) => found.flatMap((one) => take(step, one)), [value]);
}

function take(step: Step, value: unknown): readonly unknown[] {
  switch (step.kind) {
    case "field":
      return isJsonObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case "index": {
      const item: unknown = Array.isArray(value) ? value.at(step.index) : undefined;
      return item === undefined ? [] : [item];
    }
    case "all":
      return Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : [];
    case "filter":
      return Array.isArray(value) ? value.filter((item) => passes(step, item)) : [];
  }
}

function passes({ path, op, value }: Step & { readonly kind: "filter" }, item: unknown): boolean {
  const [found] = findJsonPath(path, item);
  if (op === "exists") return found !== undefined;
  if (found === undefined) return false;
  const [left, right] = [found as string | number, value as string | number];
  switch (op) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    case "<":
      return left < right;
    default:
      return left <= right;
  }
}
