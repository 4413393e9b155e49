import { setFlagsFromString } from "node:v8";
import type { Labels } from "./labels.ts";

// Expressions come from whoever can reach the API. RE2, whose language it is, takes linear time for all of them; V8 has
// an engine that does so, too, and goes over to it when its usual one tries too long.
setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");
setFlagsFromString("--regexp-backtracks-before-fallback=10000");

export type MatchOperator = "=" | "!=" | "=~" | "!~";

/** A condition on one label. A label that a series lacks is the empty text. */
export interface Matcher {
  readonly label: string;
  readonly operator: MatchOperator;
  readonly value: string;
  matches(labels: Labels): boolean;
}

/** Creates a matcher. Regular expressions match the whole value. Throws SyntaxError when one is wrong. */
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

/**
 * An expression of PromQL as JavaScript's: anchored at both ends, "." for any character. What RE2 does not have because
 * it takes more than linear time, it does not have either. Throws SyntaxError when the expression is wrong.
 */
export function wholeExpression(text: string): RegExp {
  const [, flags = "", rest = text] = /^\(\?([imsU]+)\)(.*)$/s.exec(text) ?? [];
  if (/\\[1-9k]|\(\?(?:<?[=!])/.test(rest.replaceAll("\\\\", "")))
    throw new SyntaxError("Invalid regular expression: RE2 has no references and no looking around");
  const named = rest.replaceAll("(?P<", "(?<");
  const source = flags.includes("i") ? inAnyCase(named) : named;
  return new RegExp(`^(?:${source})$`, `s${flags.includes("m") ? "m" : ""}`);
}

/** The expression with both cases for every ASCII letter: V8's linear engine does not know the flag i. */
function inAnyCase(source: string): string {
  const other = (letter: string) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
  return source.replace(/\\.|\(\?<\w+>|\[(?:\\.|[^\]\\])*\]|[a-zA-Z]/gs, (part) => {
    if (part.startsWith("\\") || part.startsWith("(")) return part;
    if (!part.startsWith("[")) return `[${part}${other(part)}]`;
    const more = [...part.matchAll(/\\.|([a-zA-Z])-([a-zA-Z])|([a-zA-Z])/g)].map(([, from, to, letter]) =>
      from !== undefined && to !== undefined
        ? `${other(from)}-${other(to)}`
        : letter === undefined
          ? ""
          : other(letter),
    );
    return `${part.slice(0, -1)}${more.join("")}]`;
  });
}
