import type { LabelSelector } from "./types.ts";

/** A parsed label selector. */
export interface Selector {
  /** Whether an object with these labels is selected. */
  matches(labels: Readonly<Record<string, string>> | undefined): boolean;
}

/** A selector's text is wrong. The message is Kubernetes' own, fit for a 400. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
}

/** One comparison of a field selector. */
export interface FieldRequirement {
  /** "metadata.name", "status.phase" … */
  readonly path: string;
  readonly op: "=" | "!=";
  readonly value: string;
}

type Operator = "in" | "notin" | "exists" | "!" | "=" | "==" | "!=" | "gt" | "lt";

interface Requirement {
  readonly key: string;
  readonly op: Operator;
  readonly values: readonly string[];
}

const everything: Selector = { matches: () => true };

/**
 * Reads a label selector as it stands in a query: `app=web,tier!=db,env in (a,b),!legacy`.
 * The empty text selects everything. Throws SelectorError.
 */
export function parseLabelSelector(text: string): Selector {
  if (text.trim() === "") return everything;
  const requirements = parseRequirements(text);
  return { matches: (labels) => requirements.every((requirement) => satisfies(requirement, labels)) };
}

/** A LabelSelector object as query text, in the order that kubectl shows: "app=web,env in (a,b)"; "<none>" when empty. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return "<none>";
  const parts = [
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({ key, text: `${key}=${value}` })),
    ...(selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => ({
      key,
      text: formatExpression(key, operator, values),
    })),
  ];
  if (parts.length === 0) return "<none>";
  return parts
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ text }) => text)
    .join(",");
}

function formatExpression(key: string, operator: string, values: readonly string[]): string {
  const list = `(${[...values].sort().join(",")})`;
  switch (operator) {
    case "In":
      return `${key} in ${list}`;
    case "NotIn":
      return `${key} notin ${list}`;
    case "DoesNotExist":
      return `!${key}`;
    default:
      return key;
  }
}

/** Reads a field selector: comparisons with `=`, `==` or `!=`, joined by commas, `\` before `,`, `=` or `\`. Throws SelectorError. */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  return splitFields(text)
    .filter((part) => part !== "")
    .map((part) => {
      for (let at = 0; at < part.length; at++) {
        if (part[at] === "\\") at++;
        else {
          const op = ["!=", "==", "="].find((candidate) => part.startsWith(candidate, at));
          if (op === undefined) continue;
          return {
            path: part.slice(0, at),
            op: op === "!=" ? "!=" : "=",
            value: unescapeField(part.slice(at + op.length)),
          };
        }
      }
      throw new SelectorError(`invalid selector: '${text}'; can't understand '${part}'`);
    });
}

function splitFields(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === ",") {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function unescapeField(text: string): string {
  let result = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (char === "\\") {
      const next = text[++at];
      if (next === undefined) throw new SelectorError("invalid field selector: unfinished escape sequence");
      if (!"\\,=".includes(next))
        throw new SelectorError(`invalid field selector: invalid escape sequence: \\${next}`);
      result += next;
    } else if (char === "," || char === "=") {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${char}`);
    } else result += char;
  }
  return result;
}

function satisfies(
  { key, op, values }: Requirement,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (op) {
    case "in":
    case "=":
    case "==":
      return value !== undefined && values.includes(value);
    case "notin":
    case "!=":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    default: {
      if (value === undefined || !/^[+-]?\d+$/.test(value)) return false;
      const [bound = "0"] = values;
      return op === "gt" ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
    }
  }
}

interface Token {
  readonly kind: "word" | "symbol" | "end";
  readonly text: string;
}

const symbols = ["==", "!=", "(", ")", ",", "!", "=", ">", "<"];
const end: Token = { kind: "end", text: "" };

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] ?? "")) {
      at++;
      continue;
    }
    const symbol = symbols.find((candidate) => text.startsWith(candidate, at));
    if (symbol !== undefined) {
      tokens.push({ kind: "symbol", text: symbol });
      at += symbol.length;
      continue;
    }
    const word = /^[^\s()!,=<>]+/.exec(text.slice(at))?.[0] ?? "";
    tokens.push({ kind: "word", text: word });
    at += word.length;
  }
  return tokens;
}

function parseRequirements(text: string): Requirement[] {
  const tokens = tokenize(text);
  let at = 0;
  const peek = () => tokens[at] ?? end;
  const next = () => tokens[at++] ?? end;
  const wrong = (what: string): SelectorError => new SelectorError(`unable to parse requirement: ${what}`);

  const parseOne = (): Requirement => {
    const negated = peek().text === "!";
    if (negated) next();
    const name = next();
    if (name.kind !== "word") throw wrong(`found '${name.text}', expected: identifier`);
    const key = checkKey(name.text);
    if (negated) return { key, op: "!", values: [] };
    if (peek().kind === "end" || peek().text === ",") return { key, op: "exists", values: [] };
    const operator = next().text;
    switch (operator) {
      case "in":
      case "notin":
        return { key, op: operator, values: parseSet().map((value) => checkValue(key, value)) };
      case "=":
      case "==":
      case "!=":
        return { key, op: operator, values: [checkValue(key, parseExact())] };
      case ">":
      case "<": {
        const value = parseExact();
        if (!/^[+-]?\d+$/.test(value))
          throw wrong(
            `values[0][${key}]: Invalid value: "${value}": for 'Gt', 'Lt' operators, the value must be an integer`,
          );
        return { key, op: operator === ">" ? "gt" : "lt", values: [value] };
      }
      default:
        throw wrong(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  };
  const parseExact = (): string => {
    if (peek().kind === "end" || peek().text === ",") return "";
    const token = next();
    if (token.kind !== "word") throw wrong(`found '${token.text}', expected: identifier`);
    return token.text;
  };
  const parseSet = (): string[] => {
    const open = next();
    if (open.text !== "(") throw wrong(`found '${open.text}', expected: '('`);
    const values: string[] = [];
    let expectsValue = true;
    for (;;) {
      const token = next();
      if (token.kind === "word" && expectsValue) {
        values.push(token.text);
        expectsValue = false;
      } else if (token.text === ",") {
        if (expectsValue) values.push(""); // `in (,a)` asks for the empty value, too.
        expectsValue = true;
      } else if (token.text === ")") {
        if (expectsValue) values.push("");
        return values;
      } else throw wrong(`found '${token.text}', expected: ',', or identifier`);
    }
  };

  const requirements: Requirement[] = [];
  for (;;) {
    const token = peek();
    if (token.kind !== "word" && token.text !== "!")
      throw wrong(`found '${token.text}', expected: !, identifier, or 'end of string'`);
    requirements.push(parseOne());
    const separator = next();
    if (separator.kind === "end") return requirements;
    if (separator.text !== ",") throw wrong(`found '${separator.text}', expected: ',' or 'end of string'`);
    const after = peek();
    if (after.kind !== "word" && after.text !== "!")
      throw wrong(`found '${after.text}', expected: identifier after ','`);
  }
}

const namePart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function checkKey(key: string): string {
  const problem = labelKeyProblem(key);
  if (problem !== undefined)
    throw new SelectorError(`unable to parse requirement: <nil>: Invalid value: "${key}": ${problem}`);
  return key;
}

function checkValue(key: string, value: string): string {
  const problem = labelValueProblem(value);
  if (problem !== undefined)
    throw new SelectorError(
      `unable to parse requirement: values[0][${key}]: Invalid value: "${value}": ${problem}`,
    );
  return value;
}

/** What is wrong with a label's key (a qualified name), in Kubernetes' words; undefined when nothing is. */
export function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf("/");
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = slash < 0 ? key : key.slice(slash + 1);
  if (name.includes("/"))
    return "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
  if (prefix === "") return "prefix part must be non-empty";
  if (prefix !== undefined && (prefix.length > 253 || !dnsSubdomain.test(prefix)))
    return "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
  if (name === "") return "name part must be non-empty";
  if (name.length > 63) return "name part must be no more than 63 characters";
  if (!namePart.test(name))
    return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  return undefined;
}

/** What is wrong with a label's value, in Kubernetes' words; undefined when nothing is. */
export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return "must be no more than 63 characters";
  if (value !== "" && !namePart.test(value))
    return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
  return undefined;
}
