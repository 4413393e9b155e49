import type { Labels } from "../store/labels.ts";
import { type Moments, prepareEvaluation, type SeriesSource } from "./evaluate.ts";
import { type Expression, PromqlError, type ValueType } from "./expression.ts";
import { parsePromql, typeOf } from "./parse-promql.ts";
import { keyOf, type Sample, unambiguous, type Vector } from "./values.ts";

/** The answer to an instant query. Times are milliseconds since 1970. */
export type InstantResult =
  | { readonly type: "scalar"; readonly at: number; readonly value: number }
  | { readonly type: "string"; readonly at: number; readonly value: string }
  | { readonly type: "vector"; readonly at: number; readonly samples: readonly Sample[] }
  | { readonly type: "matrix"; readonly lines: readonly Line[] };

/** The values of one series over time. */
export interface Line {
  readonly labels: Labels;
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** Steps that a range query may have. */
export const maxSteps = 11_000;

/** Evaluates `text` at one moment. Throws PromqlError. */
export function runInstantQuery(text: string, at: number, source: SeriesSource): InstantResult {
  const expression = parsePromql(text);
  const value = prepareEvaluation(expression, { start: at, end: at, step: 1 }, source).at(at);
  if (typeof value === "number") return { type: "scalar", at, value };
  if (typeof value === "string") return { type: "string", at, value };
  if (!("windows" in value)) {
    const samples = unambiguous(value);
    return { type: "vector", at, samples: isOrdered(expression) ? samples : inOrder(samples) };
  }
  const lines = value.windows.map(({ labels, times, values, first, end }) => ({
    labels,
    times: times.slice(first, end),
    values: values.slice(first, end),
  }));
  return { type: "matrix", lines: inOrder(lines) };
}

/** Evaluates `text` at every step from start to end. Throws PromqlError. */
export function runRangeQuery(text: string, moments: Moments, source: SeriesSource): readonly Line[] {
  const { start, end, step } = moments;
  if (!(step > 0)) throw new PromqlError("zero or negative query resolution step widths are not accepted");
  if (end < start) throw new PromqlError("end timestamp must not be before start time");
  if ((end - start) / step > maxSteps)
    throw new PromqlError(
      `exceeded maximum resolution of ${maxSteps.toLocaleString("en")} points per timeseries. Try decreasing the query resolution (?step=XX)`,
    );
  const expression = parsePromql(text);
  const type: ValueType = typeOf(expression);
  if (type !== "scalar" && type !== "vector")
    throw new PromqlError(
      `invalid expression type ${type === "matrix" ? '"range vector"' : `"${type}"`} for range query, must be Scalar or instant Vector`,
    );
  const evaluation = prepareEvaluation(expression, moments, source);
  const lines = new Map<string, { labels: Labels; times: number[]; values: number[] }>();
  for (let at = start; at <= end; at += step) {
    const value = evaluation.at(at);
    const vector: Vector = typeof value === "number" ? [{ labels: {}, value }] : unambiguous(value as Vector);
    for (const { labels, value: number } of vector) {
      const key = keyOf(labels);
      let line = lines.get(key);
      if (line === undefined) {
        line = { labels, times: [], values: [] };
        lines.set(key, line);
      }
      line.times.push(at);
      line.values.push(number);
    }
  }
  return inOrder([...lines.values()]);
}

/** Whether the order of the answer is what was asked for. */
function isOrdered(expression: Expression): boolean {
  if (expression.kind === "call") return expression.name === "sort" || expression.name === "sort_desc";
  return (
    expression.kind === "aggregation" && (expression.operator === "topk" || expression.operator === "bottomk")
  );
}

function inOrder<T extends { readonly labels: Labels }>(all: readonly T[]): readonly T[] {
  return all
    .map((one) => [keyOf(one.labels), one] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, one]) => one);
}
