import { PromqlError } from "./expression.ts";
import { byValue, quantileOf } from "./quantile.ts";
import type { Matrix, Window } from "./values.ts";

/** Gives one value for the values of a window; undefined: none. `numbers` are the call's scalars, in order. */
export type RangeFunction = (
  window: Window,
  numbers: readonly number[],
  place: Pick<Matrix, "from" | "to"> & { readonly at: number },
) => number | undefined;

/** Functions of range vectors. Windows are never empty. */
export const rangeFunctions: ReadonlyMap<string, RangeFunction> = new Map<string, RangeFunction>([
  ["rate", (window, _, place) => extrapolated(window, place, { counter: true, perSecond: true })],
  ["increase", (window, _, place) => extrapolated(window, place, { counter: true, perSecond: false })],
  ["delta", (window, _, place) => extrapolated(window, place, { counter: false, perSecond: false })],
  ["irate", (window) => lastStep(window, true)],
  ["idelta", (window) => lastStep(window, false)],
  ["changes", (window) => countSteps(window, (a, b) => a !== b && !(Number.isNaN(a) && Number.isNaN(b)))],
  ["resets", (window) => countSteps(window, (a, b) => b < a)],
  ["deriv", (window) => (size(window) < 2 ? undefined : regression(window, timeAt(window, 0)).slope)],
  [
    "predict_linear",
    (window, [seconds = 0], { at }) => {
      if (size(window) < 2) return undefined;
      const { slope, intercept } = regression(window, at);
      return slope * seconds + intercept;
    },
  ],
  ["holt_winters", (window, [smoothing = 0, trend = 0]) => holtWinters(window, smoothing, trend)],
  ["avg_over_time", (window) => mean(values(window))],
  ["sum_over_time", (window) => sum(values(window))],
  ["count_over_time", size],
  ["last_over_time", (window) => valueAt(window, size(window) - 1)],
  ["present_over_time", () => 1],
  ["max_over_time", (window) => extreme(values(window), (a, b) => a > b)],
  ["min_over_time", (window) => extreme(values(window), (a, b) => a < b)],
  ["stdvar_over_time", (window) => variance(values(window))],
  ["stddev_over_time", (window) => Math.sqrt(variance(values(window)))],
  ["quantile_over_time", (window, [q = 0]) => quantileOf(q, values(window).sort(byValue))],
]);

function size({ first, end }: Window): number {
  return end - first;
}

function values({ values: all, first, end }: Window): number[] {
  return all.slice(first, end);
}

function valueAt({ values: all, first }: Window, index: number): number {
  return all[first + index] ?? Number.NaN;
}

/** Milliseconds. */
function timeAt({ times, first }: Window, index: number): number {
  return times[first + index] ?? Number.NaN;
}

/**
 * What a counter or gauge changed by over the whole window: the samples cover only a part of it, and the rest is taken
 * to go on in the same way, unless they begin or end too far from its edges, or a counter would have begun below 0.
 */
function extrapolated(
  window: Window,
  { from, to }: Pick<Matrix, "from" | "to">,
  { counter, perSecond }: { readonly counter: boolean; readonly perSecond: boolean },
): number | undefined {
  const count = size(window);
  if (count < 2) return undefined;
  const first = valueAt(window, 0);
  let change = valueAt(window, count - 1) - first;
  if (counter) {
    for (let i = 1; i < count; i++) {
      const before = valueAt(window, i - 1);
      if (valueAt(window, i) < before) change += before;
    }
  }
  let toStart = (timeAt(window, 0) - from) / 1000;
  const toEnd = (to - timeAt(window, count - 1)) / 1000;
  const covered = (timeAt(window, count - 1) - timeAt(window, 0)) / 1000;
  const between = covered / (count - 1);
  if (counter && change > 0 && first >= 0) toStart = Math.min(toStart, covered * (first / change));
  const near = between * 1.1;
  const whole = covered + (toStart < near ? toStart : between / 2) + (toEnd < near ? toEnd : between / 2);
  const result = change * (whole / covered);
  return perSecond ? result / ((to - from) / 1000) : result;
}

function lastStep(window: Window, isRate: boolean): number | undefined {
  const count = size(window);
  if (count < 2) return undefined;
  const [before, last] = [valueAt(window, count - 2), valueAt(window, count - 1)];
  const change = isRate && last < before ? last : last - before;
  const seconds = (timeAt(window, count - 1) - timeAt(window, count - 2)) / 1000;
  if (seconds === 0) return undefined;
  return isRate ? change / seconds : change;
}

function countSteps(window: Window, counts: (before: number, after: number) => boolean): number {
  let found = 0;
  for (let i = 1; i < size(window); i++) if (counts(valueAt(window, i - 1), valueAt(window, i))) found++;
  return found;
}

/** The line through the values, per second, and its value at the time `origin` (milliseconds). */
function regression(window: Window, origin: number): { readonly slope: number; readonly intercept: number } {
  const count = size(window);
  const first = valueAt(window, 0);
  if (values(window).every((value) => value === first)) {
    if (!Number.isFinite(first)) return { slope: Number.NaN, intercept: Number.NaN };
    return { slope: 0, intercept: first };
  }
  const points = values(window).map((y, i) => [(timeAt(window, i) - origin) / 1000, y] as const);
  const sumX = compensatedSum(points.map(([x]) => x));
  const sumY = compensatedSum(points.map(([, y]) => y));
  const sumXY = compensatedSum(points.map(([x, y]) => x * y));
  const sumX2 = compensatedSum(points.map(([x]) => x * x));
  const slope = (sumXY - (sumX * sumY) / count) / (sumX2 - (sumX * sumX) / count);
  return { slope, intercept: sumY / count - (slope * sumX) / count };
}

/** Double exponential smoothing. */
function holtWinters(window: Window, smoothing: number, trend: number): number | undefined {
  for (const [name, factor] of [
    ["smoothing", smoothing],
    ["trend", trend],
  ] as const)
    if (!(factor > 0 && factor < 1))
      throw new PromqlError(`invalid ${name} factor: expected between 0 and 1, got ${factor}`);
  const count = size(window);
  if (count < 2) return undefined;
  let smoothed = valueAt(window, 0);
  let slope = valueAt(window, 1) - valueAt(window, 0);
  let before = 0;
  for (let i = 1; i < count; i++) {
    if (i > 1) slope = trend * (smoothed - before) + (1 - trend) * slope;
    const next = smoothing * valueAt(window, i) + (1 - smoothing) * (smoothed + slope);
    before = smoothed;
    smoothed = next;
  }
  return smoothed;
}

/** Summed with compensation for what the small lose beside the large; NaN when one is infinite. */
function compensatedSum(numbers: readonly number[]): number {
  let total = 0;
  let lost = 0;
  for (const number of numbers) {
    const next = total + number;
    lost += Math.abs(total) >= Math.abs(number) ? total - next + number : number - next + total;
    total = next;
  }
  return total + lost;
}

/** The same, and infinite when one is. */
export function sum(numbers: readonly number[]): number {
  const total = compensatedSum(numbers);
  return Number.isNaN(total) ? numbers.reduce((all, number) => all + number, 0) : total;
}

export function mean(numbers: readonly number[]): number {
  const total = sum(numbers);
  if (Number.isFinite(total) || numbers.some((number) => !Number.isFinite(number)))
    return total / numbers.length;
  return numbers.reduce((average, number) => average + number / numbers.length, 0);
}

/** `start`: a mean to begin from, which changes nothing but rounding, and what one infinite number alone gives. */
export function variance(numbers: readonly number[], start = 0): number {
  let average = start;
  let squares = 0;
  for (const [i, number] of numbers.entries()) {
    const difference = number - average;
    average += difference / (i + 1);
    squares += difference * (number - average);
  }
  return squares / numbers.length;
}

/** The number that `isBetter` than all others; NaN only when there is nothing else. */
export function extreme(numbers: readonly number[], isBetter: (a: number, b: number) => boolean): number {
  let best = Number.NaN;
  for (const number of numbers) if (Number.isNaN(best) || isBetter(number, best)) best = number;
  return best;
}
