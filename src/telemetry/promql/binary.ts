import { formatLabels, type Labels, nameLabel } from "../store/labels.ts";
import { type BinaryOperation, PromqlError } from "./expression.ts";
import { comparisons } from "./parse-promql.ts";
import { keyOf, type Sample, type Vector, withoutName } from "./values.ts";

/** What an operation remembers of labels between two steps. */
export interface BinaryMemo {
  readonly signatures: Map<Labels, string>;
  readonly results: Map<Labels, Map<Labels, Labels>>;
}

export function createBinaryMemo(): BinaryMemo {
  return { signatures: new Map(), results: new Map() };
}

/** The operation's value on two numbers. Comparisons give 1 or 0. */
export function calculate(operator: string, left: number, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
    case "^":
      // IEEE 754, unlike JavaScript: 1 to any power is 1, and -1 to an infinite one.
      return left === 1 || (left === -1 && Math.abs(right) === Number.POSITIVE_INFINITY) ? 1 : left ** right;
    case "atan2":
      return Math.atan2(left, right);
    default:
      return Number(compare(operator, left, right));
  }
}

function compare(operator: string, left: number, right: number): boolean {
  switch (operator) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
      return left < right;
    case ">":
      return left > right;
    case "<=":
      return left <= right;
    default:
      return left >= right;
  }
}

/** The operation on each value of a vector and a number. `isVectorLeft`: the vector stands before the operator. */
export function withNumber(
  { operator, bool }: BinaryOperation,
  vector: Vector,
  number: number,
  isVectorLeft: boolean,
): Vector {
  const isFilter = comparisons.has(operator) && !bool;
  return vector.flatMap((sample): Sample[] => {
    const { labels, value } = sample;
    const result = isVectorLeft ? calculate(operator, value, number) : calculate(operator, number, value);
    if (isFilter) return result === 1 ? [sample] : [];
    return [{ labels: withoutName(labels), value: result }];
  });
}

/** and, or, unless: which series of two vectors stay. */
export function setOperation(
  operation: BinaryOperation,
  left: Vector,
  right: Vector,
  memo: BinaryMemo,
): Vector {
  const signature = (labels: Labels) => signatureOf(labels, operation, memo);
  if (operation.operator === "or") {
    const there = new Set(left.map(({ labels }) => signature(labels)));
    return [...left, ...right.filter(({ labels }) => !there.has(signature(labels)))];
  }
  const there = new Set(right.map(({ labels }) => signature(labels)));
  const wanted = operation.operator === "and";
  return left.filter(({ labels }) => there.has(signature(labels)) === wanted);
}

/** An operation on the series of two vectors that belong together. */
export function vectorOperation(
  operation: BinaryOperation,
  left: Vector,
  right: Vector,
  memo: BinaryMemo,
): Vector {
  const { operator, bool, matching } = operation;
  // Before anything else: series of one side alone are never ambiguous.
  if (left.length === 0 || right.length === 0) return [];
  const isFilter = comparisons.has(operator) && !bool;
  const isSwapped = matching.many === "right";
  const [many, one] = isSwapped ? [right, left] : [left, right];
  const partners = new Map<string, Sample>();
  for (const sample of one) {
    const signature = signatureOf(sample.labels, operation, memo);
    const other = partners.get(signature);
    if (other !== undefined) {
      const side = isSwapped ? "left" : "right";
      throw new PromqlError(
        `found duplicate series for the match group on the ${side} hand-side of the operation: [${formatLabels(sample.labels)}, ${formatLabels(other.labels)}];many-to-many matching not allowed: matching labels must be unique on one side`,
      );
    }
    partners.set(signature, sample);
  }
  const matched = new Set<string>();
  const results: Sample[] = [];
  for (const sample of many) {
    const signature = signatureOf(sample.labels, operation, memo);
    const partner = partners.get(signature);
    if (partner === undefined) continue;
    const [a, b] = isSwapped ? [partner.value, sample.value] : [sample.value, partner.value];
    const result = calculate(operator, a, b);
    if (isFilter && result !== 1) continue;
    const labels = resultLabels(sample.labels, partner.labels, operation, memo);
    const identity = matching.many === undefined ? signature : keyOf(labels);
    if (matched.has(identity)) {
      throw new PromqlError(
        matching.many === undefined
          ? "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
          : "multiple matches for labels: grouping labels must ensure unique matches",
      );
    }
    matched.add(identity);
    results.push({ labels, value: isFilter ? a : result });
  }
  return results;
}

function signatureOf(labels: Labels, { matching }: BinaryOperation, { signatures }: BinaryMemo): string {
  let signature = signatures.get(labels);
  if (signature === undefined) {
    const chosen: Record<string, string> = {};
    if (matching.on) for (const name of matching.labels) chosen[name] = labels[name] ?? "";
    else
      for (const [name, value] of Object.entries(labels))
        if (name !== nameLabel && !matching.labels.includes(name)) chosen[name] = value;
    signature = keyOf(chosen);
    signatures.set(labels, signature);
  }
  return signature;
}

function resultLabels(
  many: Labels,
  one: Labels,
  operation: BinaryOperation,
  { results }: BinaryMemo,
): Labels {
  let byPartner = results.get(many);
  if (byPartner === undefined) {
    byPartner = new Map();
    results.set(many, byPartner);
  }
  let labels = byPartner.get(one);
  if (labels === undefined) {
    labels = makeLabels(many, one, operation);
    byPartner.set(one, labels);
  }
  return labels;
}

function makeLabels(many: Labels, one: Labels, { operator, bool, matching }: BinaryOperation): Labels {
  const keepsName = comparisons.has(operator) && !bool;
  const labels: Record<string, string> = { ...many };
  if (!keepsName) delete labels[nameLabel];
  if (matching.many === undefined) {
    for (const name of Object.keys(labels))
      if (matching.on !== matching.labels.includes(name)) delete labels[name];
  }
  for (const name of matching.include) {
    const value = one[name];
    if (value === undefined || value === "") delete labels[name];
    else labels[name] = value;
  }
  return labels;
}
