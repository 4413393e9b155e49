import { unreachable } from "../../base/index.ts";
import { type Labels, nameLabel } from "../store/labels.ts";
import type { Matcher } from "../store/matcher.ts";
import type { Samples } from "../store/series.ts";
import { aggregate } from "./aggregate.ts";
import { calculate, createBinaryMemo, setOperation, vectorOperation, withNumber } from "./binary.ts";
import {
  type Aggregation,
  type BinaryOperation,
  type Call,
  type Expression,
  PromqlError,
  type Shift,
  type Subquery,
  type VectorSelector,
} from "./expression.ts";
import { type RangeFunction, rangeFunctions } from "./range-functions.ts";
import {
  keyOf,
  type Matrix,
  type Sample,
  unambiguous,
  type Value,
  type Vector,
  type Window,
  withoutName,
} from "./values.ts";
import { histogramQuantiles, labelJoin, labelReplace, numberFunctions, sorted } from "./vector-functions.ts";

/** Where series come from. */
export type SeriesSource = (
  matchers: readonly Matcher[],
  from: number,
  to: number,
) => readonly { readonly labels: Labels; read(from: number, to: number): Samples }[];

/** The moments of a query, in milliseconds since 1970; of an instant query all the same, with a step of 1. */
export interface Moments {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Evaluates one expression at moments that never go back. */
export interface Evaluation {
  at(time: number): Value;
}

/** How long a value counts for the present one, unless its series has ended. */
export const lookback = 5 * 60_000;
/** Step of subqueries that say none. */
const defaultStep = 60_000;
/** Samples that one query may look at. */
const maxSamples = 50_000_000;
/** Samples after which the time is looked at. */
const lookEvery = 10_000;
/** How long one query may take, in milliseconds: nothing else happens meanwhile. */
const maxDuration = 5_000;

interface Loaded {
  readonly labels: Labels;
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly ends: readonly number[];
  /** Where the last window began and ended: the next one is not far. */
  first: number;
  end: number;
}

/** Reads the samples that the expression needs between `moments`, and returns its evaluation. */
export function prepareEvaluation(
  expression: Expression,
  moments: Moments,
  select: SeriesSource,
): Evaluation {
  const loaded = new Map<VectorSelector, readonly Loaded[]>();
  const memos = new Map<Expression, unknown>();
  const started = performance.now();
  let samples = 0;
  let nextLook = 0;

  const spend = (count: number) => {
    samples += count;
    if (samples < nextLook) return;
    nextLook = samples + lookEvery;
    if (samples > maxSamples)
      throw new PromqlError("query processing would load too many samples into memory in query execution");
    if (performance.now() - started > maxDuration)
      throw new PromqlError("query timed out in expression evaluation");
  };
  const memoOf = <T>(expression: Expression, create: () => T): T => {
    let memo = memos.get(expression) as T | undefined;
    if (memo === undefined) {
      memo = create();
      memos.set(expression, memo);
    }
    return memo;
  };
  const moved = (time: number, { offset, at }: Shift) =>
    (at === undefined ? time : at === "start" ? moments.start : at === "end" ? moments.end : at) - offset;

  const load = (selector: VectorSelector, from: number, to: number) => {
    const series = select(selector.matchers, from, to).map(({ labels, read }) => ({
      labels,
      ...read(from, to),
      first: 0,
      end: 0,
    }));
    spend(series.reduce((sum, { times }) => sum + times.length, 0));
    loaded.set(selector, series);
  };
  const prepare = (of: Expression, from: number, to: number): void => {
    if (of.kind === "vectorSelector") load(of, moved(from, of.shift) - lookback, moved(to, of.shift));
    else if (of.kind === "matrixSelector") {
      const { shift } = of.selector;
      load(of.selector, moved(from, shift) - of.range - 1, moved(to, shift));
    } else if (of.kind === "subquery") prepare(of.of, moved(from, of.shift) - of.range, moved(to, of.shift));
    else for (const part of partsOf(of)) prepare(part, from, to);
  };

  function evaluate(of: Expression, time: number): Value {
    switch (of.kind) {
      case "number":
      case "string":
        return of.value;
      case "vectorSelector":
        return instant(of, time).map(({ labels, value }) => ({ labels, value }));
      case "matrixSelector": {
        const to = moved(time, of.selector.shift);
        return windows(loaded.get(of.selector) ?? [], to - of.range, to);
      }
      case "subquery":
        return subquery(of, time);
      case "negation": {
        const value = evaluate(of.of, time);
        if (typeof value === "number") return -value;
        return unambiguous(
          asVector(value).map((sample) => ({ labels: withoutName(sample.labels), value: -sample.value })),
        );
      }
      case "call":
        return call(of, time);
      case "aggregation":
        return aggregation(of, time);
      case "binary":
        return binary(of, time);
      default:
        return unreachable(of);
    }
  }

  function instant(selector: VectorSelector, time: number): (Sample & { readonly time: number })[] {
    const at = moved(time, selector.shift);
    const found: (Sample & { readonly time: number })[] = [];
    const all = loaded.get(selector) ?? [];
    spend(all.length);
    for (const { labels, times, values, ends } of all) {
      const index = countUpTo(times, at) - 1;
      const taken = times[index];
      if (taken === undefined || taken <= at - lookback) continue;
      const end = ends[countUpTo(ends, at) - 1];
      if (end !== undefined && end > taken) continue;
      found.push({ labels, value: values[index] ?? Number.NaN, time: taken });
    }
    return found;
  }

  function windows(all: readonly Loaded[], from: number, to: number): Matrix {
    const found: Window[] = [];
    for (const series of all) {
      const { labels, times, values } = series;
      const first = countFrom(series.first, times, from - 1);
      const end = countFrom(series.end, times, to);
      series.first = first;
      series.end = end;
      spend(end - first);
      if (end > first) found.push({ labels, times, values, first, end });
    }
    return { windows: found, from, to };
  }

  function subquery(query: Subquery, time: number): Matrix {
    const { of, range, step = defaultStep, shift } = query;
    const to = moved(time, shift);
    const from = to - range;
    const values = memoOf(query, () => new Map<number, Vector>());
    const series = new Map<Labels, Loaded & { times: number[]; values: number[] }>();
    // Steps lie at multiples, so that the same ones come again at the next moment.
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      let vector = values.get(at);
      if (vector === undefined) {
        const value = evaluate(of, at);
        vector = typeof value === "number" ? [{ labels: noLabels, value }] : asVector(value);
        values.set(at, vector);
      }
      spend(vector.length);
      for (const { labels, value } of vector) {
        const key = shared(labels);
        let line = series.get(key);
        if (line === undefined) {
          line = { labels: key, times: [], values: [], ends: [], first: 0, end: 0 };
          series.set(key, line);
        }
        line.times.push(at);
        line.values.push(value);
      }
    }
    return windows([...series.values()], from, to);
  }

  // Labels that are made anew at each step would else be other series each time.
  const sharedLabels = new Map<string, Labels>();
  function shared(labels: Labels): Labels {
    const key = keyOf(labels);
    const known = sharedLabels.get(key);
    if (known !== undefined) return known;
    sharedLabels.set(key, labels);
    return labels;
  }

  function call(of: Call, time: number): Value {
    const { name, args } = of;
    const overRange = rangeFunctions.get(name);
    if (overRange !== undefined) return rangeCall(of, overRange, time);
    const change = numberFunctions.get(name);
    if (change !== undefined) {
      const [first, ...more] = args.map((arg) => evaluate(arg, time));
      const vector = first === undefined ? [{ labels: noLabels, value: time / 1000 }] : asVector(first);
      const numbers = more.map(asNumber);
      if (name === "clamp" && (numbers[1] ?? 0) < (numbers[0] ?? 0)) return [];
      return unambiguous(
        vector.map(({ labels, value }) => ({
          labels: withoutName(labels),
          value: change(value, ...numbers),
        })),
      );
    }
    const value = (index: number): Value => {
      const arg = args[index];
      if (arg === undefined) throw new PromqlError(`${name} has too few arguments`);
      return evaluate(arg, time);
    };
    const texts = () => args.slice(1).map((arg) => String(evaluate(arg, time)));
    switch (name) {
      case "time":
        return time / 1000;
      case "pi":
        return Math.PI;
      case "vector":
        return [{ labels: noLabels, value: asNumber(value(0)) }];
      case "scalar": {
        const vector = asVector(value(0));
        return vector.length === 1 ? (vector[0]?.value ?? Number.NaN) : Number.NaN;
      }
      case "sort":
      case "sort_desc":
        return sorted(asVector(value(0)), name === "sort_desc");
      case "timestamp":
        return timestamps(args[0], time);
      case "absent":
        return asVector(value(0)).length > 0 ? [] : [{ labels: labelsOfAbsent(args[0]), value: 1 }];
      case "absent_over_time":
        return asMatrix(value(0)).windows.length > 0 ? [] : [{ labels: labelsOfAbsent(args[0]), value: 1 }];
      case "histogram_quantile":
        return unambiguous(
          histogramQuantiles(
            asNumber(value(0)),
            asVector(value(1)),
            memoOf(of, () => new Map()),
          ),
        );
      case "label_replace":
        return labelReplace(asVector(value(0)), texts());
      case "label_join":
        return labelJoin(asVector(value(0)), texts());
      default:
        throw new PromqlError(`unknown function with name ${JSON.stringify(name)}`);
    }
  }

  function rangeCall({ name, args }: Call, overRange: RangeFunction, time: number): Vector {
    const values = args.map((arg) => evaluate(arg, time));
    const matrix = values.find((value) => typeof value === "object" && "windows" in value);
    if (matrix === undefined) throw new PromqlError(`${name} takes a range vector`);
    const { windows: all, from, to } = asMatrix(matrix);
    const numbers = values.filter((value) => typeof value === "number");
    const keepsName = name === "last_over_time";
    return unambiguous(
      all.flatMap((window) => {
        const value = overRange(window, numbers, { from, to, at: time });
        const { labels } = window;
        return value === undefined ? [] : [{ labels: keepsName ? labels : withoutName(labels), value }];
      }),
    );
  }

  function timestamps(of: Expression | undefined, time: number): Vector {
    if (of === undefined) return [];
    if (of.kind === "vectorSelector")
      return unambiguous(
        instant(of, time).map((sample) => ({
          labels: withoutName(sample.labels),
          value: sample.time / 1000,
        })),
      );
    return unambiguous(
      asVector(evaluate(of, time)).map(({ labels }) => ({ labels: withoutName(labels), value: time / 1000 })),
    );
  }

  function aggregation(of: Aggregation, time: number): Vector {
    const vector = asVector(evaluate(of.of, time));
    const parameter = of.parameter === undefined ? undefined : evaluate(of.parameter, time);
    spend(vector.length);
    return aggregate(
      of,
      vector,
      typeof parameter === "object" ? undefined : parameter,
      memoOf(of, () => new Map()),
    );
  }

  function binary(of: BinaryOperation, time: number): Value {
    const left = evaluate(of.left, time);
    const right = evaluate(of.right, time);
    if (typeof left === "number" && typeof right === "number") return calculate(of.operator, left, right);
    if (typeof right === "number") return unambiguous(withNumber(of, asVector(left), right, true));
    if (typeof left === "number") return unambiguous(withNumber(of, asVector(right), left, false));
    const [a, b] = [asVector(left), asVector(right)];
    spend(a.length + b.length);
    const memo = memoOf(of, createBinaryMemo);
    const isSetOperation = of.operator === "and" || of.operator === "or" || of.operator === "unless";
    return isSetOperation ? setOperation(of, a, b, memo) : vectorOperation(of, a, b, memo);
  }

  prepare(expression, moments.start, moments.end);
  return { at: (time) => evaluate(expression, time) };
}

const noLabels: Labels = {};

/** The expressions that are evaluated at the same moment as the expression itself. */
function partsOf(of: Expression): readonly Expression[] {
  switch (of.kind) {
    case "call":
      return of.args;
    case "aggregation":
      return of.parameter === undefined ? [of.of] : [of.of, of.parameter];
    case "binary":
      return [of.left, of.right];
    case "negation":
      return [of.of];
    default:
      return [];
  }
}

/** What `absent` says is missing: the labels that its selector wants with certain values. */
function labelsOfAbsent(of: Expression | undefined): Labels {
  const selector = of?.kind === "matrixSelector" ? of.selector : of;
  if (selector?.kind !== "vectorSelector") return noLabels;
  const labels: Record<string, string> = {};
  const twice = new Set<string>();
  for (const { label, operator, value } of selector.matchers) {
    if (label === nameLabel) continue;
    if (operator === "=" && !Object.hasOwn(labels, label) && !twice.has(label)) labels[label] = value;
    else {
      delete labels[label];
      twice.add(label);
    }
  }
  return labels;
}

function asVector(value: Value): Vector {
  if (!Array.isArray(value)) throw new PromqlError("an instant vector is wanted");
  return value as Vector;
}

function asMatrix(value: Value): Matrix {
  if (typeof value !== "object" || !("windows" in value)) throw new PromqlError("a range vector is wanted");
  return value;
}

function asNumber(value: Value): number {
  if (typeof value !== "number") throw new PromqlError("a scalar is wanted");
  return value;
}

/** countUpTo, which looks around `guess` first. */
function countFrom(guess: number, times: readonly number[], limit: number): number {
  if (guess > 0 && (times[guess - 1] ?? 0) > limit) return countUpTo(times, limit);
  let at = guess;
  while (at < times.length && (times[at] ?? 0) <= limit) {
    if (at - guess > near) return countUpTo(times, limit);
    at++;
  }
  return at;
}

/** Steps that are quicker than a search by halves. */
const near = 16;

/** How many of sorted `times` are not after `limit`. */
function countUpTo(times: readonly number[], limit: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
