import { PromqlError } from "./expression.ts";

export interface Token {
  readonly kind: "number" | "duration" | "string" | "name" | "symbol" | "end";
  /** As written; of a string what it means. */
  readonly text: string;
  readonly position: number;
}

const patterns: readonly (readonly [Token["kind"], RegExp])[] = [
  ["duration", /(?:\d+(?:ms|[smhdwy]))+(?![a-zA-Z0-9_])/y],
  ["number", /(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![a-zA-Z0-9_])/y],
  ["name", /[a-zA-Z_:][a-zA-Z0-9_:]*/y],
  ["symbol", /==|!=|<=|>=|=~|!~|[-+*/%^<>=(){}[\],@]/y],
];

/** Between brackets a colon parts a subquery's range from its step; elsewhere names may hold it. */
const colon = /:/y;

/** Longest expression that is read. */
const maxLength = 64 * 1024;

/** The words of a PromQL expression, an "end" last. Throws PromqlError at what is no word. */
export function readTokens(text: string): Token[] {
  if (text.length > maxLength)
    throw new PromqlError(`an expression may have ${maxLength} characters at most`);
  const tokens: Token[] = [];
  let isInBrackets = false;
  let at = 0;
  for (;;) {
    at = skipBlanksAndComments(text, at);
    if (at >= text.length) break;
    const quote = text[at] ?? "";
    if (quote === '"' || quote === "'" || quote === "`") {
      const [value, end] = readString(text, at, quote);
      tokens.push({ kind: "string", text: value, position: at });
      at = end;
      continue;
    }
    const token = readToken(text, at, isInBrackets);
    if (token.text === "[" || token.text === "]") isInBrackets = token.text === "[";
    tokens.push(token);
    at += token.text.length;
  }
  return [...tokens, { kind: "end", text: "", position: text.length }];
}

function readToken(text: string, at: number, isInBrackets: boolean): Token {
  colon.lastIndex = at;
  if (isInBrackets && colon.test(text)) return { kind: "symbol", text: ":", position: at };
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const [found] = pattern.exec(text) ?? [];
    if (found !== undefined) return { kind, text: found, position: at };
  }
  const odd = /^[a-zA-Z0-9_.]+|^./su.exec(text.slice(at))?.[0] ?? "";
  throw new PromqlError(`unexpected ${JSON.stringify(odd)}`, at);
}

function skipBlanksAndComments(text: string, from: number): number {
  const blank = /(?:\s+|#[^\n]*)*/y;
  blank.lastIndex = from;
  blank.exec(text);
  return blank.lastIndex;
}

const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

function readString(text: string, start: number, quote: string): [value: string, end: number] {
  let value = "";
  for (let at = start + 1; at < text.length; ) {
    const character = text[at] ?? "";
    if (character === quote) return [value, at + 1];
    if (quote !== "`" && character === "\n") break;
    if (quote === "`" || character !== "\\") {
      value += character;
      at++;
      continue;
    }
    const sequence =
      /^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([abfnrtv\\'"]))/.exec(
        text.slice(at, at + 10),
      );
    if (sequence === null)
      throw new PromqlError(`${JSON.stringify(text.slice(at, at + 2))} is no escape`, at);
    const [all, byte, short, long, octal, letter] = sequence;
    const code = Number.parseInt(byte ?? short ?? long ?? "0", 16);
    if (letter !== undefined) value += escapes[letter] ?? letter;
    else if (code > 0x10ffff) throw new PromqlError(`${all} is no character`, at);
    else value += String.fromCodePoint(octal === undefined ? code : Number.parseInt(octal, 8) & 0xff);
    at += all.length;
  }
  throw new PromqlError("a text has no end", start);
}
