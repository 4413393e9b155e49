import type {
  HeaderMatcher,
  QueryParameterMatcher,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { compileRegex, compileStringMatcher, type TextTest } from "../config/string-match.ts";
import type { RequestHead } from "../http/codec.ts";
import { type Headers, joinedHeader } from "../http/headers.ts";
import { queryValue } from "../http/path.ts";

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
  const missing = matcher.treatMissingHeaderAsEmpty && test("");
  if (name.startsWith(":") || name === "host" || name === "content-length") {
    return (head) => {
      const value = requestHeader(head, name);
      return (value === undefined ? missing : test(value)) !== invert;
    };
  }
  // A missing header fits no pattern, and so fits every inverted one.
  return ({ headers }) => (anyValue(headers, name, test) ?? missing) !== invert;
}

/** Whether one of the fields called `name` fits; undefined when there is none. Each counts alone. */
function anyValue(headers: Headers, name: string, test: TextTest): boolean | undefined {
  let found: boolean | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== name) continue;
    if (test(headers[i + 1] ?? "")) return true;
    found = false;
  }
  return found;
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
    const value = queryValue(head.path, matcher.name);
    return value !== undefined && test(value);
  };
}
