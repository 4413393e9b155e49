import type { RegexMatcher } from "../../xds/gen/envoy/type/matcher/v3/regex_pb.js";
import type { StringMatcher } from "../../xds/gen/envoy/type/matcher/v3/string_pb.js";
import { ConfigError } from "./config-error.ts";

/** Whether a text fits. */
export type TextTest = (text: string) => boolean;

/** Compiles envoy.type.matcher.v3.StringMatcher. Throws ConfigError. */
export function compileStringMatcher(matcher: StringMatcher | undefined, where: string): TextTest {
  const pattern = matcher?.matchPattern;
  if (matcher === undefined || pattern === undefined || pattern.case === undefined) {
    throw new ConfigError(`${where}: string matcher without a pattern`);
  }
  const fold = matcher.ignoreCase ? (text: string) => text.toLowerCase() : undefined;
  switch (pattern.case) {
    case "exact":
      return withCase(fold, pattern.value, (text, wanted) => text === wanted);
    case "prefix":
      return withCase(fold, pattern.value, (text, wanted) => text.startsWith(wanted));
    case "suffix":
      return withCase(fold, pattern.value, (text, wanted) => text.endsWith(wanted));
    case "contains":
      return withCase(fold, pattern.value, (text, wanted) => text.includes(wanted));
    case "safeRegex":
      return compileRegex(pattern.value, where);
    default:
      throw new ConfigError(`${where}: unsupported string matcher ${pattern.case}`);
  }
}

function withCase(
  fold: ((text: string) => string) | undefined,
  wanted: string,
  test: (text: string, wanted: string) => boolean,
): TextTest {
  if (fold === undefined) return (text) => test(text, wanted);
  const folded = fold(wanted);
  return (text) => test(fold(text), folded);
}

/** Compiles a regular expression that must match the whole text, as RE2 full match does. Throws ConfigError. */
export function compileRegex(matcher: RegexMatcher | undefined, where: string): TextTest {
  const regex = toRegExp(matcher?.regex ?? "", where, true);
  return (text) => regex.test(text);
}

/** RE2 text as a JavaScript expression. Inline flags are known only at the start. */
export function toRegExp(text: string, where: string, whole: boolean, flags = ""): RegExp {
  const inline = /^\(\?([is]+)\)/.exec(text);
  const body = (inline === null ? text : text.slice(inline[0].length)).replaceAll("(?P<", "(?<");
  try {
    return new RegExp(whole ? `^(?:${body})$` : body, `${flags}${inline?.[1] ?? ""}`);
  } catch (reason) {
    throw new ConfigError(`${where}: regular expression ${JSON.stringify(text)}: ${String(reason)}`);
  }
}
