import type {
  HeaderMatcher,
  QueryParameterMatcher,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { compileRegex, compileStringMatcher, type TextTest } from "../config/string-match.ts";
import type { RequestHead } from "../http/codec.ts";
import { joinedHeader } from "../http/headers.ts";

/** Whether a request fits. */
export type RequestTest = (head: RequestHead) => boolean;

/** A header's value, pseudo headers included. */
export function requestHeader(head: RequestHead, name: string): string | undefined {
  switch (name) {
    case ":method":
      return head.method;
    case ":path":
      return head.path;
    case ":authority":
    case "host":
      return head.authority;
    case ":scheme":
      return head.scheme;
    case "content-length":
      return head.contentLength === undefined ? undefined : String(head.contentLength);
    default:
      return joinedHeader(head.headers, name);
  }
}

/** Compiles a HeaderMatcher. Throws ConfigError. */
export function compileHeaderMatch(matcher: HeaderMatcher, where: string): RequestTest {
  const name = matcher.name.toLowerCase();
  if (name === "") throw new ConfigError(`${where}: header matcher without a name`);
  const invert = matcher.invertMatch;
  const specifier = matcher.headerMatchSpecifier;
  if (specifier.case === undefined || specifier.case === "presentMatch") {
    const wanted = specifier.case === undefined || specifier.value;
    return (head) => {
      const present = requestHeader(head, name) !== undefined || matcher.treatMissingHeaderAsEmpty;
      return (present === wanted) !== invert;
    };
  }
  const test = valueTest(specifier, where);
  return (head) => {
    const value = requestHeader(head, name) ?? (matcher.treatMissingHeaderAsEmpty ? "" : undefined);
    // A missing header fits no pattern, and so fits every inverted one.
    return value === undefined ? invert : test(value) !== invert;
  };
}

function valueTest(specifier: HeaderMatcher["headerMatchSpecifier"], where: string): TextTest {
  switch (specifier.case) {
    case "exactMatch":
      return (text) => text === specifier.value;
    case "prefixMatch":
      return (text) => text.startsWith(specifier.value);
    case "suffixMatch":
      return (text) => text.endsWith(specifier.value);
    case "containsMatch":
      return (text) => text.includes(specifier.value);
    case "safeRegexMatch":
      return compileRegex(specifier.value, where);
    case "stringMatch":
      return compileStringMatcher(specifier.value, where);
    case "rangeMatch": {
      const { start, end } = specifier.value;
      return (text) => /^-?[0-9]+$/.test(text) && BigInt(text) >= start && BigInt(text) < end;
    }
    default:
      throw new ConfigError(`${where}: unsupported header matcher ${specifier.case ?? "none"}`);
  }
}

/** Compiles a QueryParameterMatcher. Throws ConfigError. */
export function compileQueryMatch(matcher: QueryParameterMatcher, where: string): RequestTest {
  const specifier = matcher.queryParameterMatchSpecifier;
  const test: TextTest =
    specifier.case === "stringMatch" ? compileStringMatcher(specifier.value, where) : () => true;
  return (head) => {
    const question = head.path.indexOf("?");
    if (question < 0) return false;
    const value = new URLSearchParams(head.path.slice(question + 1)).get(matcher.name);
    return value !== null && test(value);
  };
}
