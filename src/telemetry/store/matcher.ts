import type { Labels } from "./labels.ts";

export type MatchOperator = "=" | "!=" | "=~" | "!~";

/** A condition on one label. A label that a series lacks is the empty text. */
export interface Matcher {
  readonly label: string;
  readonly operator: MatchOperator;
  readonly value: string;
  matches(labels: Labels): boolean;
}

/**
 * Creates a matcher. Regular expressions match the whole value; they are JavaScript's, which understands what RE2 does
 * but for a few escapes. Throws SyntaxError when the expression is wrong.
 */
export function createMatcher(label: string, operator: MatchOperator, value: string): Matcher {
  const test = testOf(operator, value);
  return { label, operator, value, matches: (labels) => test(labels[label] ?? "") };
}

function testOf(operator: MatchOperator, value: string): (text: string) => boolean {
  if (operator === "=") return (text) => text === value;
  if (operator === "!=") return (text) => text !== value;
  const isNegated = operator === "!~";
  // Most are lists of names.
  if (/^[\w-]+(?:\|[\w-]+)*$/.test(value)) {
    const alternatives = new Set(value.split("|"));
    return (text) => alternatives.has(text) !== isNegated;
  }
  const expression = wholeExpression(value);
  return (text) => expression.test(text) !== isNegated;
}

/** An expression of PromQL as JavaScript's: anchored at both ends, "." for any character as in RE2 with flag s. */
export function wholeExpression(text: string): RegExp {
  const [, flags = "", rest = text] = /^\(\?([imsU]+)\)(.*)$/s.exec(text) ?? [];
  const own = `s${flags.includes("i") ? "i" : ""}${flags.includes("m") ? "m" : ""}`;
  return new RegExp(`^(?:${rest.replaceAll("(?P<", "(?<")})$`, `${own}u`);
}
