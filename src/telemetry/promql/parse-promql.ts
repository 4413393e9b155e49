import { unreachable } from "../../base/index.ts";
import { nameLabel } from "../store/labels.ts";
import { createMatcher, type Matcher, type MatchOperator } from "../store/matcher.ts";
import {
  type Aggregation,
  type Expression,
  type Matching,
  PromqlError,
  type Shift,
  type ValueType,
  type VectorSelector,
} from "./expression.ts";
import { readDuration } from "./read-duration.ts";
import { readTokens, type Token } from "./read-tokens.ts";
import { aggregations, signatures } from "./signatures.ts";

/** Binary operators by how tightly they bind. */
const precedences: ReadonlyMap<string, number> = new Map([
  ["or", 1],
  ["and", 2],
  ["unless", 2],
  ...["==", "!=", "<=", "<", ">=", ">"].map((operator) => [operator, 3] as const),
  ["+", 4],
  ["-", 4],
  ...["*", "/", "%", "atan2"].map((operator) => [operator, 5] as const),
  ["^", 6],
]);
const setOperators: ReadonlySet<string> = new Set(["and", "or", "unless"]);
export const comparisons: ReadonlySet<string> = new Set(["==", "!=", "<=", "<", ">=", ">"]);
const matchOperators: ReadonlySet<string> = new Set(["=", "!=", "=~", "!~"]);
/** Nesting that is followed. */
const maxDepth = 200;

/** What an expression gives. */
export function typeOf(expression: Expression): ValueType {
  switch (expression.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "vectorSelector":
    case "aggregation":
      return "vector";
    case "matrixSelector":
    case "subquery":
      return "matrix";
    case "negation":
      return typeOf(expression.of);
    case "call":
      return signatures.get(expression.name)?.returns ?? "vector";
    case "binary":
      return typeOf(expression.left) === "scalar" && typeOf(expression.right) === "scalar"
        ? "scalar"
        : "vector";
    default:
      return unreachable(expression);
  }
}

/** Reads a PromQL expression, as Prometheus 2.42 does. Throws PromqlError, with the position of the mistake. */
export function parsePromql(text: string): Expression {
  const parser = createParser(readTokens(text));
  const expression = parser.expression();
  parser.end();
  return expression;
}

/** Reads a selector of series, as /api/v1/series takes it. */
export function parseSelector(text: string): readonly Matcher[] {
  const expression = parsePromql(text);
  if (expression.kind !== "vectorSelector") throw new PromqlError("a selector of series is wanted", 0);
  return expression.matchers;
}

function createParser(tokens: readonly Token[]) {
  let at = 0;
  let depth = 0;
  const last = tokens.at(-1) ?? { kind: "end" as const, text: "", position: 0 };
  const peek = (ahead = 0): Token => tokens[at + ahead] ?? last;
  const next = (): Token => tokens[at++] ?? last;
  const is = (text: string) => peek().kind === "symbol" && peek().text === text;
  const isWord = (word: string, ahead = 0) =>
    peek(ahead).kind === "name" && peek(ahead).text.toLowerCase() === word;
  const take = (text: string) => {
    if (!is(text)) return false;
    at++;
    return true;
  };
  const expect = (text: string, where: string) => {
    if (!take(text)) fail(`expected ${JSON.stringify(text)} ${where}`);
  };
  const fail = (message: string, token = peek()): never => {
    const found = token.kind === "end" ? "the end" : JSON.stringify(token.text);
    throw new PromqlError(`${message}, found ${found}`, token.position);
  };

  function end(): void {
    if (peek().kind !== "end") fail("unexpected words after the expression");
  }

  function expression(least = 1): Expression {
    if (++depth > maxDepth) fail("the expression is nested too deep");
    let left = unary();
    for (;;) {
      const operator = binaryOperator();
      const precedence = operator === undefined ? 0 : (precedences.get(operator) ?? 0);
      if (operator === undefined || precedence < least) break;
      const token = next();
      const { bool, matching } = modifiers(operator, token);
      const right = expression(operator === "^" ? precedence : precedence + 1);
      left = checkBinary({ kind: "binary", operator, left, right, bool, matching }, token);
    }
    depth--;
    return left;
  }

  function binaryOperator(): string | undefined {
    const { kind, text } = peek();
    const operator = kind === "name" ? text.toLowerCase() : text;
    return (kind === "symbol" || kind === "name") && precedences.has(operator) ? operator : undefined;
  }

  function modifiers(operator: string, token: Token): { bool: boolean; matching: Matching } {
    const bool = isWord("bool");
    if (bool) {
      next();
      if (!comparisons.has(operator)) fail("bool modifier can only be used on comparison operators", token);
    }
    let matching: Matching = { on: false, labels: [], include: [] };
    if (isWord("on") || isWord("ignoring")) {
      const on = isWord("on");
      next();
      matching = { ...matching, on, labels: labelList() };
      if (isWord("group_left") || isWord("group_right")) {
        const many = isWord("group_left") ? "left" : "right";
        const group = next();
        if (setOperators.has(operator)) fail(`no grouping allowed for ${JSON.stringify(operator)}`, group);
        const include = is("(") ? labelList() : [];
        const both = include.find((label) => on && matching.labels.includes(label));
        if (both !== undefined)
          fail(`label ${JSON.stringify(both)} must not occur in ON and GROUP clause at once`);
        matching = { ...matching, many, include };
      }
    }
    return { bool, matching };
  }

  function checkBinary(operation: Extract<Expression, { kind: "binary" }>, token: Token): Expression {
    const { operator, left, right, bool, matching } = operation;
    for (const side of [left, right]) {
      const type = typeOf(side);
      if (type !== "scalar" && type !== "vector")
        fail("binary expression must contain only scalar and instant vector types", token);
    }
    const isScalar = typeOf(operation) === "scalar";
    if (comparisons.has(operator) && isScalar && !bool)
      fail("comparisons between scalars must use BOOL modifier", token);
    const hasScalar = typeOf(left) === "scalar" || typeOf(right) === "scalar";
    if (setOperators.has(operator) && hasScalar)
      fail(`set operator ${JSON.stringify(operator)} not allowed in binary scalar expression`, token);
    if (hasScalar && (matching.on || matching.labels.length > 0))
      fail("vector matching only allowed between instant vectors", token);
    return operation;
  }

  function unary(): Expression {
    if (!is("-") && !is("+")) return postfix(primary());
    const token = next();
    // "^" binds tighter than a sign: -1 ^ 2 is -1.
    const of = expression(precedences.get("^") ?? 6);
    const type = typeOf(of);
    if (type !== "scalar" && type !== "vector")
      fail("unary expression only allowed on expressions of type scalar or instant vector", token);
    if (token.text === "+") return of;
    return of.kind === "number" ? { kind: "number", value: -of.value } : { kind: "negation", of };
  }

  function primary(): Expression {
    const token = peek();
    switch (token.kind) {
      case "number":
        next();
        return { kind: "number", value: Number(token.text) };
      case "string":
        next();
        return { kind: "string", value: token.text };
      case "name":
        return named();
      case "symbol":
        if (token.text === "{") return selector(undefined);
        if (take("(")) {
          const inner = expression();
          expect(")", "after the expression in parentheses");
          return inner;
        }
    }
    return fail("an expression is wanted");
  }

  function named(): Expression {
    const { text } = peek();
    const word = text.toLowerCase();
    const after = peek(1);
    const opens = after.kind === "symbol" && after.text === "(";
    if (aggregations.has(word) && (opens || isWord("by", 1) || isWord("without", 1))) return aggregation();
    if (opens) return call();
    const braces = after.kind === "symbol" && after.text === "{";
    if ((word === "inf" || word === "nan") && !braces) {
      next();
      return { kind: "number", value: word === "inf" ? Number.POSITIVE_INFINITY : Number.NaN };
    }
    if (precedences.has(word) || word === "bool" || word === "offset") fail("an expression is wanted");
    return selector(next().text);
  }

  function selector(name: string | undefined): VectorSelector {
    const start = peek();
    const matchers: Matcher[] = name === undefined ? [] : [createMatcher(nameLabel, "=", name)];
    if (take("{")) {
      while (!take("}")) {
        const token = peek();
        const matcher = labelMatcher();
        if (matcher.label === nameLabel && name !== undefined)
          fail("metric name must not be set twice", token);
        matchers.push(matcher);
        if (!take(",") && !is("}")) fail('expected "," or "}" after a label matcher');
      }
    }
    if (matchers.every((matcher) => matcher.matches({})))
      fail("vector selector must contain at least one non-empty matcher", start);
    return { kind: "vectorSelector", matchers, shift: { offset: 0 } };
  }

  function labelMatcher(): Matcher {
    const label = next();
    if (label.kind !== "name" || label.text.includes(":")) fail("a label is wanted", label);
    const operator = next();
    if (!matchOperators.has(operator.text))
      fail('expected one of "=", "!=", "=~", "!~" after a label', operator);
    const value = next();
    if (value.kind !== "string") fail("a label's value is a text in quotes", value);
    try {
      return createMatcher(label.text, operator.text as MatchOperator, value.text);
    } catch (reason) {
      throw new PromqlError(reason instanceof Error ? reason.message : String(reason), value.position);
    }
  }

  function aggregation(): Aggregation {
    const token = next();
    const operator = token.text.toLowerCase();
    let grouping = groupingClause();
    expect("(", `after ${operator}`);
    const args = [expression()];
    while (take(",")) args.push(expression());
    expect(")", `after the arguments of ${operator}`);
    grouping ??= groupingClause();
    const wanted = aggregations.get(operator);
    const count = wanted === undefined ? 1 : 2;
    if (args.length !== count) fail(`${operator} takes ${count} argument${count === 1 ? "" : "s"}`, token);
    const [of, parameter] = wanted === undefined ? [args[0]] : [args[1], args[0]];
    if (of === undefined) return fail(`${operator} takes a vector`, token);
    checkType(of, "vector", `aggregation expression ${operator}`, token);
    if (parameter !== undefined && wanted !== undefined)
      checkType(parameter, wanted, `aggregation parameter of ${operator}`, token);
    return {
      kind: "aggregation",
      operator,
      of,
      ...(parameter === undefined ? {} : { parameter }),
      grouping: grouping ?? { without: false, labels: [] },
    };
  }

  function groupingClause(): Aggregation["grouping"] | undefined {
    if (!isWord("by") && !isWord("without")) return undefined;
    const without = next().text.toLowerCase() === "without";
    return { without, labels: labelList() };
  }

  function labelList(): string[] {
    const labels: string[] = [];
    expect("(", "before labels");
    while (!take(")")) {
      const label = next();
      if (label.kind !== "name" || label.text.includes(":")) fail("a label is wanted", label);
      labels.push(label.text);
      if (!take(",") && !is(")")) fail('expected "," or ")" after a label');
    }
    return labels;
  }

  function call(): Expression {
    const token = next();
    const name = token.text;
    const signature = signatures.get(name);
    if (signature === undefined) return fail(`unknown function with name ${JSON.stringify(name)}`, token);
    const args: Expression[] = [];
    expect("(", `after ${name}`);
    while (!take(")")) {
      args.push(expression());
      if (!take(",") && !is(")")) fail(`expected "," or ")" in the arguments of ${name}`);
    }
    const { optional = 0 } = signature;
    const most = optional === "any" ? Number.POSITIVE_INFINITY : signature.args.length;
    const least = signature.args.length - (optional === "any" ? 1 : optional);
    if (args.length < least || args.length > most)
      fail(`expected ${least === most ? least : `at least ${least}`} argument(s) in call to ${name}`, token);
    for (const [i, arg] of args.entries()) {
      const wanted = signature.args[Math.min(i, signature.args.length - 1)];
      if (wanted !== undefined) checkType(arg, wanted, `call to function ${JSON.stringify(name)}`, token);
    }
    return { kind: "call", name, args };
  }

  function checkType(expression: Expression, wanted: ValueType, where: string, token: Token): void {
    const type = typeOf(expression);
    if (type === wanted) return;
    throw new PromqlError(
      `expected type ${typeName(wanted)} in ${where}, got ${typeName(type)}`,
      token.position,
    );
  }

  function postfix(of: Expression): Expression {
    let expression = of;
    for (;;) {
      if (is("[")) expression = ranged(expression);
      else if (isWord("offset")) {
        const token = next();
        const isNegative = take("-");
        const offset = duration() * (isNegative ? -1 : 1);
        expression = shifted(expression, { offset }, token);
      } else if (is("@")) {
        const token = next();
        expression = shifted(expression, { at: moment() }, token);
      } else return expression;
    }
  }

  function ranged(of: Expression): Expression {
    const token = next();
    const range = duration();
    if (range <= 0) fail("duration must be greater than 0", token);
    if (take(":")) {
      const step = is("]") ? undefined : duration();
      expect("]", "after a subquery's range");
      if (typeOf(of) !== "vector" && typeOf(of) !== "scalar")
        fail("subquery is only allowed on instant vectors", token);
      return { kind: "subquery", of, range, ...(step === undefined ? {} : { step }), shift: { offset: 0 } };
    }
    expect("]", "after a range");
    if (of.kind !== "vectorSelector") return fail("ranges only allowed for vector selectors", token);
    if (of.shift.offset !== 0 || of.shift.at !== undefined)
      fail("no offset modifiers allowed before range", token);
    return { kind: "matrixSelector", selector: of, range };
  }

  function shifted(of: Expression, by: Partial<Shift>, token: Token): Expression {
    const change = (shift: Shift): Shift => {
      if (by.offset !== undefined && shift.offset !== 0) fail("offset may not be set multiple times", token);
      if (by.at !== undefined && shift.at !== undefined) fail("@ may not be set multiple times", token);
      return { ...shift, ...by };
    };
    switch (of.kind) {
      case "vectorSelector":
      case "subquery":
        return { ...of, shift: change(of.shift) };
      case "matrixSelector":
        return { ...of, selector: { ...of.selector, shift: change(of.selector.shift) } };
      default:
        return fail(`${token.text} must be preceded by a selector or a subquery`, token);
    }
  }

  function moment(): number | "start" | "end" {
    for (const word of ["start", "end"] as const) {
      if (!isWord(word)) continue;
      next();
      expect("(", `after ${word}`);
      expect(")", `after ${word}(`);
      return word;
    }
    const isNegative = take("-");
    const token = next();
    if (token.kind !== "number") fail("a time in seconds is wanted after @", token);
    return Math.round(Number(token.text) * 1000) * (isNegative ? -1 : 1);
  }

  function duration(): number {
    const token = next();
    const value = token.kind === "duration" ? readDuration(token.text) : undefined;
    return value ?? fail("a duration is wanted, like 5m", token);
  }

  return { expression, end };
}

function typeName(type: ValueType): string {
  return type === "vector" ? "instant vector" : type === "matrix" ? "range vector" : type;
}
