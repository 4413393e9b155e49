import { wholeExpression } from "../store/matcher.ts";
import { PromqlError } from "./expression.ts";
import { type Bucket, byValue, histogramQuantile } from "./quantile.ts";
import { keyOf, type Sample, unambiguous, type Vector, withoutName } from "./values.ts";

/** Functions that change each value by itself. The series' names go. */
export const numberFunctions: ReadonlyMap<string, (value: number, ...more: number[]) => number> = new Map(
  Object.entries({
    abs: Math.abs,
    ceil: Math.ceil,
    floor: Math.floor,
    exp: Math.exp,
    ln: Math.log,
    log2: Math.log2,
    log10: Math.log10,
    sqrt: Math.sqrt,
    sgn: Math.sign,
    acos: Math.acos,
    acosh: Math.acosh,
    asin: Math.asin,
    asinh: Math.asinh,
    atan: Math.atan,
    atanh: Math.atanh,
    cos: Math.cos,
    cosh: Math.cosh,
    sin: Math.sin,
    sinh: Math.sinh,
    tan: Math.tan,
    tanh: Math.tanh,
    deg: (value: number) => (value * 180) / Math.PI,
    rad: (value: number) => (value * Math.PI) / 180,
    round(value: number, nearest = 1) {
      const inverse = 1 / nearest;
      return Math.floor(value * inverse + 0.5) / inverse;
    },
    clamp: (value: number, least = 0, most = 0) => atLeast(atMost(value, most), least),
    clamp_min: (value: number, least = 0) => atLeast(value, least),
    clamp_max: (value: number, most = 0) => atMost(value, most),
    minute: (seconds: number) => dateOf(seconds).getUTCMinutes(),
    hour: (seconds: number) => dateOf(seconds).getUTCHours(),
    day_of_week: (seconds: number) => dateOf(seconds).getUTCDay(),
    day_of_month: (seconds: number) => dateOf(seconds).getUTCDate(),
    day_of_year(seconds: number) {
      const date = dateOf(seconds);
      return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
    },
    days_in_month(seconds: number) {
      const date = dateOf(seconds);
      return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
    },
    month: (seconds: number) => dateOf(seconds).getUTCMonth() + 1,
    year: (seconds: number) => dateOf(seconds).getUTCFullYear(),
  }),
);

// As IEEE 754 has it for infinity beside NaN, and JavaScript has not.
function atLeast(value: number, least: number): number {
  return value === Number.POSITIVE_INFINITY || least === Number.POSITIVE_INFINITY
    ? Number.POSITIVE_INFINITY
    : Math.max(value, least);
}

function atMost(value: number, most: number): number {
  return -atLeast(-value, -most);
}

function dateOf(seconds: number): Date {
  return new Date(Math.trunc(seconds) * 1000);
}

/** The vector's samples by value, NaN last. */
export function sorted(vector: Vector, descending: boolean): Vector {
  const order = (a: number, b: number) => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return descending ? byValue(b, a) : byValue(a, b);
  };
  return [...vector].sort((a, b) => order(a.value, b.value));
}

/** The quantile of each histogram: series whose labels differ in `le` alone are its buckets. */
export function histogramQuantiles(q: number, vector: Vector, memo: Map<unknown, unknown>): Vector {
  const histograms = new Map<string, { readonly labels: Sample["labels"]; readonly buckets: Bucket[] }>();
  for (const { labels, value } of vector) {
    const bound = boundOf(labels["le"]);
    if (bound === undefined) continue;
    let rest = memo.get(labels) as Sample["labels"] | undefined;
    if (rest === undefined) {
      const { le: _, ...others } = withoutName(labels);
      rest = others;
      memo.set(labels, rest);
    }
    const key = keyOf(rest);
    const histogram = histograms.get(key) ?? { labels: rest, buckets: [] };
    histogram.buckets.push({ bound, count: value });
    histograms.set(key, histogram);
  }
  return [...histograms.values()].map(({ labels, buckets }) => ({
    labels,
    value: histogramQuantile(q, buckets),
  }));
}

function boundOf(text: string | undefined): number | undefined {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  const bound = Number(text);
  return text === undefined || text === "" || Number.isNaN(bound) ? undefined : bound;
}

const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** label_replace(vector, target, replacement, source, expression). */
export function labelReplace(vector: Vector, texts: readonly string[]): Vector {
  const [target = "", replacement = "", source = "", text = ""] = texts;
  checkLabel(target, "destination", "label_replace()");
  let expression: RegExp;
  try {
    expression = wholeExpression(text);
  } catch {
    throw new PromqlError(`invalid regular expression in label_replace(): ${text}`);
  }
  return unambiguous(
    vector.map((sample) => {
      const match = expression.exec(sample.labels[source] ?? "");
      return match === null ? sample : withLabel(sample, target, expand(replacement, match));
    }),
  );
}

/** label_join(vector, target, separator, source, ...). */
export function labelJoin(vector: Vector, texts: readonly string[]): Vector {
  const [target = "", separator = "", ...sources] = texts;
  checkLabel(target, "destination", "label_join()");
  for (const source of sources) checkLabel(source, "source", "label_join()");
  return unambiguous(
    vector.map((sample) =>
      withLabel(sample, target, sources.map((source) => sample.labels[source] ?? "").join(separator)),
    ),
  );
}

function checkLabel(name: string, which: string, where: string): void {
  if (!labelName.test(name)) throw new PromqlError(`invalid ${which} label name in ${where}: ${name}`);
}

function withLabel({ labels, value }: Sample, name: string, text: string): Sample {
  const { [name]: _, ...rest } = labels;
  return { labels: text === "" ? rest : { ...rest, [name]: text }, value };
}

/** "$1", "${1}", "$name" and "${name}" by what they matched, "$$" by "$", as Go expands a template. */
function expand(template: string, match: RegExpExecArray): string {
  return template.replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (all, plain?: string, braced?: string) => {
    const name = plain ?? braced;
    if (name === undefined) return all === "$$" ? "$" : "";
    return (/^\d+$/.test(name) ? match[Number(name)] : match.groups?.[name]) ?? "";
  });
}
