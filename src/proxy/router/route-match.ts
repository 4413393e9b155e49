import type { RouteMatch } from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { compileRegex } from "../config/string-match.ts";
import { fractionTest } from "../filters/fraction.ts";
import { compileMetadataMatch } from "../filters/metadata-match.ts";
import type { RequestHead } from "../http/codec.ts";
import { header } from "../http/headers.ts";
import { withoutQuery } from "../http/path.ts";
import { compileHeaderMatch, compileQueryMatch, type RequestTest } from "./header-match.ts";

/** Compiles the condition of a route, or of a rule that is written like one. Throws ConfigError. */
export function compileRouteMatch(match: RouteMatch | undefined, where: string): RequestTest {
  if (match === undefined) throw new ConfigError(`${where}: match is missing`);
  const tests: RequestTest[] = [
    ...pathTests(match, where),
    ...match.headers.map((matcher) => compileHeaderMatch(matcher, where)),
    ...match.queryParameters.map((matcher) => compileQueryMatch(matcher, where)),
    ...match.dynamicMetadata.map((matcher) => compileMetadataMatch(matcher, where)),
  ];
  if (match.grpc !== undefined) {
    tests.push((head) => header(head.headers, "content-type")?.startsWith("application/grpc") ?? false);
  }
  if (match.runtimeFraction?.defaultValue !== undefined)
    tests.push(fractionTest(match.runtimeFraction.defaultValue));
  const [first, second] = tests;
  if (first === undefined) return () => true;
  if (second === undefined) return first;
  return (head) => tests.every((test) => test(head));
}

function pathTests(match: RouteMatch, where: string): RequestTest[] {
  const { pathSpecifier } = match;
  const fold = match.caseSensitive === false;
  const path = fold ? (head: RequestHead) => head.path.toLowerCase() : (head: RequestHead) => head.path;
  const wanted = typeof pathSpecifier.value === "string" ? pathSpecifier.value : "";
  const text = fold ? wanted.toLowerCase() : wanted;
  switch (pathSpecifier.case) {
    case "prefix":
      if (text === "") return [];
      // Everything but "OPTIONS *".
      if (text === "/") return [(head) => head.path.charCodeAt(0) === 0x2f];
      return [(head) => path(head).startsWith(text)];
    case "path":
      return [(head) => withoutQuery(path(head)) === text];
    case "pathSeparatedPrefix":
      return [
        (head) => {
          const actual = withoutQuery(path(head));
          return actual.startsWith(text) && (actual.length === text.length || actual[text.length] === "/");
        },
      ];
    case "safeRegex": {
      const test = compileRegex(pathSpecifier.value, where);
      return [(head) => test(withoutQuery(head.path))];
    }
    default:
      throw new ConfigError(`${where}: unsupported path match ${pathSpecifier.case ?? "none"}`);
  }
}
