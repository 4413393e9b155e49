import type { ValueType } from "./expression.ts";

/** What a function takes and gives. */
export interface Signature {
  readonly args: readonly ValueType[];
  /** How many of the last `args` may be left out; "any": the last may also come again. */
  readonly optional?: number | "any";
  readonly returns: ValueType;
}

const ofVector: Signature = { args: ["vector"], returns: "vector" };
const ofMatrix: Signature = { args: ["matrix"], returns: "vector" };
const ofTime: Signature = { args: ["vector"], optional: 1, returns: "vector" };

function each(names: string, signature: Signature): [string, Signature][] {
  return names.split(" ").map((name) => [name, signature]);
}

/** The functions of PromQL by name. Those of native histograms are not among them: nothing here keeps any. */
export const signatures: ReadonlyMap<string, Signature> = new Map([
  ...each("abs absent ceil exp floor ln log10 log2 sgn sort sort_desc sqrt timestamp", ofVector),
  ...each("acos acosh asin asinh atan atanh cos cosh deg rad sin sinh tan tanh", ofVector),
  ...each("changes delta deriv idelta increase irate rate resets", ofMatrix),
  ...each("absent_over_time avg_over_time count_over_time last_over_time max_over_time", ofMatrix),
  ...each("min_over_time present_over_time stddev_over_time stdvar_over_time sum_over_time", ofMatrix),
  ...each("day_of_month day_of_week day_of_year days_in_month hour minute month year", ofTime),
  ["clamp", { args: ["vector", "scalar", "scalar"], returns: "vector" }],
  ["clamp_max", { args: ["vector", "scalar"], returns: "vector" }],
  ["clamp_min", { args: ["vector", "scalar"], returns: "vector" }],
  ["histogram_quantile", { args: ["scalar", "vector"], returns: "vector" }],
  ["holt_winters", { args: ["matrix", "scalar", "scalar"], returns: "vector" }],
  ["label_join", { args: ["vector", "string", "string", "string"], optional: "any", returns: "vector" }],
  ["label_replace", { args: ["vector", "string", "string", "string", "string"], returns: "vector" }],
  ["pi", { args: [], returns: "scalar" }],
  ["predict_linear", { args: ["matrix", "scalar"], returns: "vector" }],
  ["quantile_over_time", { args: ["scalar", "matrix"], returns: "vector" }],
  ["round", { args: ["vector", "scalar"], optional: 1, returns: "vector" }],
  ["scalar", { args: ["vector"], returns: "scalar" }],
  ["time", { args: [], returns: "scalar" }],
  ["vector", { args: ["scalar"], returns: "vector" }],
]);

/** Aggregations, and whether they take a parameter before the vector. */
export const aggregations: ReadonlyMap<string, ValueType | undefined> = new Map([
  ["sum", undefined],
  ["avg", undefined],
  ["count", undefined],
  ["min", undefined],
  ["max", undefined],
  ["group", undefined],
  ["stddev", undefined],
  ["stdvar", undefined],
  ["topk", "scalar"],
  ["bottomk", "scalar"],
  ["quantile", "scalar"],
  ["count_values", "string"],
]);
