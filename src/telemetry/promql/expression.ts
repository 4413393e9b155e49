import type { Matcher } from "../store/matcher.ts";

/** What an expression gives: a number, a text, values of many series at one moment, or their values over a time. */
export type ValueType = "scalar" | "string" | "vector" | "matrix";

/** What a selector or a subquery is moved by. All in milliseconds. */
export interface Shift {
  /** How long before the moment of evaluation. */
  readonly offset: number;
  /** A moment instead of that of evaluation. */
  readonly at?: number | "start" | "end";
}

export interface VectorSelector {
  readonly kind: "vectorSelector";
  readonly matchers: readonly Matcher[];
  readonly shift: Shift;
}

export interface MatrixSelector {
  readonly kind: "matrixSelector";
  readonly selector: VectorSelector;
  readonly range: number;
}

export interface Subquery {
  readonly kind: "subquery";
  readonly of: Expression;
  readonly range: number;
  /** Undefined: a default. */
  readonly step?: number;
  readonly shift: Shift;
}

export interface Call {
  readonly kind: "call";
  readonly name: string;
  readonly args: readonly Expression[];
}

export interface Aggregation {
  readonly kind: "aggregation";
  readonly operator: string;
  readonly of: Expression;
  /** Of topk, bottomk, quantile and count_values. */
  readonly parameter?: Expression;
  readonly grouping: { readonly without: boolean; readonly labels: readonly string[] };
}

export interface BinaryOperation {
  readonly kind: "binary";
  readonly operator: string;
  readonly left: Expression;
  readonly right: Expression;
  /** Comparisons give 0 or 1 instead of filtering. */
  readonly bool: boolean;
  readonly matching: Matching;
}

/** Which series of two vectors belong together. */
export interface Matching {
  /** Whether only `labels` are compared, or all but them. */
  readonly on: boolean;
  readonly labels: readonly string[];
  /** The side of which several series may belong to one of the other. */
  readonly many?: "left" | "right";
  /** Labels that the many take over from the one. */
  readonly include: readonly string[];
}

export type Expression =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "negation"; readonly of: Expression }
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregation
  | BinaryOperation;

/** An expression that is wrong, or can't be evaluated. `position` is where, in characters from its start. */
export class PromqlError extends Error {
  override readonly name = "PromqlError";
  readonly position: number | undefined;

  constructor(message: string, position?: number) {
    super(message);
    this.position = position;
  }
}
