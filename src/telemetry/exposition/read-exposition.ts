import type { MetricType } from "../../base/index.ts";
import { type Labels, nameLabel } from "../store/labels.ts";

/** What a page of metrics says of one name. */
export interface MetricFamily {
  readonly name: string;
  type: MetricType;
  help: string;
}

/** Takes what a page says, in its order. */
export interface ExpositionSink {
  /**
   * One sample. `series` is the name with its labels as written, so that who has seen it before need not read it again
   * (`readSeries` does). `family` is the metric that it belongs to by the page's # TYPE lines: that of x_bucket is x,
   * when x is a histogram. Times that the page says are left out: samples are as old as the page.
   */
  sample(series: string, value: number, family: MetricFamily | undefined): void;
}

/** The page is no exposition. */
export class ExpositionError extends Error {
  override readonly name = "ExpositionError";
}

const types: ReadonlySet<string> = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);
/** A page that names more metrics than this is not one of metrics. */
const maxFamilies = 20_000;

/**
 * Reads a page of Prometheus' text format, version 0.0.4, and returns what it says of its metrics, by name. Throws
 * ExpositionError at the first line that is wrong; samples of earlier lines were taken already.
 */
export function readExposition(text: string, sink: ExpositionSink): ReadonlyMap<string, MetricFamily> {
  const families = new Map<string, MetricFamily>();
  let family: MetricFamily | undefined;
  let line = 0;
  for (let at = 0; at < text.length; ) {
    let end = text.indexOf("\n", at);
    if (end < 0) end = text.length;
    line++;
    const start = skipBlanks(text, at, end);
    if (start < end) {
      if (text.charCodeAt(start) === hash) readComment(text.slice(start, end), families, line);
      else family = readSample(text, start, end, line, families, family, sink);
    }
    at = end + 1;
  }
  return families;
}

const [hash, space, tab, brace] = [35, 32, 9, 123];

function readSample(
  text: string,
  start: number,
  end: number,
  line: number,
  families: ReadonlyMap<string, MetricFamily>,
  last: MetricFamily | undefined,
  sink: ExpositionSink,
): MetricFamily | undefined {
  let nameEnd = start;
  while (nameEnd < end && isNameCharacter(text.charCodeAt(nameEnd))) nameEnd++;
  if (nameEnd === start) throw new ExpositionError(`line ${line}: a sample begins with its name`);
  let seriesEnd = nameEnd;
  const after = skipBlanks(text, nameEnd, end);
  if (text.charCodeAt(after) === brace && after < end) {
    // Neither value nor time can hold one.
    seriesEnd = text.lastIndexOf("}", end - 1) + 1;
    if (seriesEnd <= after) throw new ExpositionError(`line ${line}: the labels do not end`);
  }
  const [value = "", time, ...more] = text
    .slice(seriesEnd, end)
    .trim()
    .split(/[ \t]+/);
  const number = readNumber(value);
  if (number === undefined) throw new ExpositionError(`line ${line}: ${JSON.stringify(value)} is no value`);
  if (more.length > 0 || (time !== undefined && !/^-?[0-9]+$/.test(time)))
    throw new ExpositionError(`line ${line}: after the value comes a time in milliseconds, and nothing else`);
  const name = text.slice(start, nameEnd);
  const family = last !== undefined && belongsTo(name, last) ? last : familyOf(name, families);
  sink.sample(text.slice(start, seriesEnd), number, family);
  return family;
}

const suffixes: Readonly<Partial<Record<MetricType, readonly string[]>>> = {
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
};

function belongsTo(name: string, { name: family, type }: MetricFamily): boolean {
  return name.startsWith(family) && (suffixes[type] ?? [""]).includes(name.slice(family.length));
}

function familyOf(name: string, families: ReadonlyMap<string, MetricFamily>): MetricFamily | undefined {
  const found = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
  return found !== undefined && belongsTo(name, found) ? found : undefined;
}

function readComment(text: string, families: Map<string, MetricFamily>, line: number): void {
  const [, word, name, rest = ""] =
    /^#[ \t]*(HELP|TYPE)[ \t]+([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]?(.*)$/.exec(text) ?? [];
  if (word === undefined || name === undefined) return;
  let family = families.get(name);
  if (family === undefined) {
    if (families.size >= maxFamilies)
      throw new ExpositionError(`line ${line}: more than ${maxFamilies} metrics`);
    family = { name, type: "untyped", help: "" };
    families.set(name, family);
  }
  if (word === "HELP") {
    family.help = rest.trim().replace(/\\([\\n])/g, (_, one) => (one === "n" ? "\n" : "\\"));
    return;
  }
  const type = rest.trim();
  if (!types.has(type)) throw new ExpositionError(`line ${line}: ${JSON.stringify(type)} is no type`);
  family.type = type as MetricType;
}

/** The labels of a sample's `series` text. Throws ExpositionError when it is wrong. */
export function readSeries(series: string): Labels {
  const brace = series.indexOf("{");
  const labels: Record<string, string> = {
    [nameLabel]: (brace < 0 ? series : series.slice(0, brace)).trimEnd(),
  };
  if (brace < 0) return labels;
  const pair = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(,|(?=\}))/y;
  pair.lastIndex = brace + 1;
  for (;;) {
    const start = pair.lastIndex;
    const [all, name, value] = pair.exec(series) ?? [];
    if (all === undefined || name === undefined || value === undefined) {
      if (/^[ \t]*\}$/.test(series.slice(start))) return labels;
      throw new ExpositionError(`the labels of ${labels[nameLabel]} are wrong after ${start} characters`);
    }
    if (Object.hasOwn(labels, name)) throw new ExpositionError(`${labels[nameLabel]} has ${name} twice`);
    labels[name] = value.includes("\\")
      ? value.replace(/\\(.)/g, (_, one: string) => (one === "n" ? "\n" : one))
      : value;
  }
}

function readNumber(text: string): number | undefined {
  const number = Number(text);
  if (text !== "" && !Number.isNaN(number) && !text.startsWith("Infinity")) return number;
  switch (text.toLowerCase()) {
    case "nan":
      return Number.NaN;
    case "+inf":
    case "inf":
    case "+infinity":
    case "infinity":
      return Number.POSITIVE_INFINITY;
    case "-inf":
    case "-infinity":
      return Number.NEGATIVE_INFINITY;
    default:
      return undefined;
  }
}

function skipBlanks(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && (text.charCodeAt(at) === space || text.charCodeAt(at) === tab)) at++;
  return text.charCodeAt(at) === 13 && at === end - 1 ? end : at;
}

function isNameCharacter(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || // a-z
    (code >= 65 && code <= 90) || // A-Z
    (code >= 48 && code <= 58) || // 0-9 and :
    code === 95 // _
  );
}
