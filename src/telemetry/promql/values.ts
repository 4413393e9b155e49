import { type Labels, labelsKey, nameLabel } from "../store/labels.ts";
import { PromqlError } from "./expression.ts";

/** The value of one series at one moment. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export type Vector = readonly Sample[];

/** Values of one series in a window: those of `times` and `values` from `first` up to, not including, `end`. */
export interface Window {
  readonly labels: Labels;
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly first: number;
  readonly end: number;
}

/** What an expression gives at one moment. */
export type Value = number | string | Vector | Matrix;

/** Windows of many series, and the times between which they lie. */
export interface Matrix {
  readonly windows: readonly Window[];
  /** Milliseconds since 1970; both ends belong to it. */
  readonly from: number;
  readonly to: number;
}

const nameless = new WeakMap<Labels, Labels>();

/** The labels without the series' name. The same object for the same labels. */
export function withoutName(labels: Labels): Labels {
  if (labels[nameLabel] === undefined) return labels;
  let known = nameless.get(labels);
  if (known === undefined) {
    const { [nameLabel]: _, ...rest } = labels;
    known = rest;
    nameless.set(labels, known);
  }
  return known;
}

/** The vector. Throws PromqlError when two of its series have the same labels. */
export function unambiguous(vector: Vector): Vector {
  if (vector.length < 2) return vector;
  const seen = new Set<string>();
  for (const { labels } of vector) {
    const size = seen.size;
    if (seen.add(keyOf(labels)).size === size)
      throw new PromqlError("vector cannot contain metrics with the same labelset");
  }
  return vector;
}

const keys = new WeakMap<Labels, string>();

/** labelsKey, remembered for the object. */
export function keyOf(labels: Labels): string {
  let key = keys.get(labels);
  if (key === undefined) {
    key = labelsKey(labels);
    keys.set(labels, key);
  }
  return key;
}
