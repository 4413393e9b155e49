import type { ConfigField } from "../config-field.ts";
import { quoted } from "./hosts.ts";

/** Longest regular expression, in characters: Envoy bounds the size of the programs that it compiles them to. */
const longestRegex = 1024;

/** A StringMatch. Its prefix and regex must not be empty; a URI's prefix may be, which matches everything. */
export function checkStringMatch(
  match: ConfigField,
  options: { readonly mayBeEmptyPrefix?: boolean } = {},
): void {
  const prefix = match.field("prefix");
  if (prefix.isSet && prefix.text === "" && options.mayBeEmptyPrefix !== true)
    prefix.error("prefix string match should not be empty");
  const regex = match.field("regex");
  if (!regex.isSet) return;
  if (regex.text === "") regex.error("regex string match should not be empty");
  else checkRegex(regex);
}

/** A regular expression of RE2. */
export function checkRegex(field: ConfigField): void {
  if (field.text.length > longestRegex)
    field.error(`regex is too large, max length allowed is ${longestRegex}`);
  const problem = regexProblem(field.text);
  if (problem !== undefined)
    field.error(
      `${problem}; Istio uses RE2 style regex-based match (https://github.com/google/re2/wiki/Syntax)`,
    );
}

/** What RE2 has and JavaScript writes otherwise. */
const translations: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\(\?P</g, "(?<"],
  [/\(\?[imsU]+(?:-[imsU]+)?\)/g, ""],
  [/\(\?[imsU]+(?:-[imsU]+)?:/g, "(?:"],
  [/\[\[:\^?\w+:\]/g, "[a"],
  [/\[:\^?\w+:\]/g, "a"],
  [/\\[AzCQE]/g, ""],
  [/\\x\{[0-9a-fA-F]+\}/g, "x"],
  [/\\p[A-Z]/g, "p"],
];

/** Why `text` is no regular expression of RE2; undefined when nothing speaks against it. */
function regexProblem(text: string): string | undefined {
  const missing = /\(\?(?:[=!]|<[=!])/.exec(text);
  if (missing !== null)
    return `error parsing regexp: invalid or unsupported Perl syntax: ${quoted(missing[0])}`;
  const reference = /(?:^|[^\\])(?:\\\\)*(\\[1-9])/.exec(text);
  if (reference !== null)
    return `error parsing regexp: invalid escape sequence: ${quoted(reference[1] ?? "")}`;
  const translated = translations.reduce((result, [from, to]) => result.replace(from, to), text);
  try {
    new RegExp(translated);
    return undefined;
  } catch (reason) {
    const said = reason instanceof Error ? reason.message : String(reason);
    return `error parsing regexp: ${said.replace(/^Invalid regular expression: \/.*\/\w*: /s, "").toLowerCase()}: ${quoted(text)}`;
  }
}
