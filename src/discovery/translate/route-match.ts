import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatch,
  RouteMatchSchema,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { StringMatcherSchema } from "../../xds/gen/envoy/type/matcher/v3/string_pb.js";
import { claimMatch, routedClaim } from "./claim-match.ts";
import type { HttpMatch, StringMatch } from "./config-types.ts";

/** The condition of a route. Without one it takes everything. */
export function routeMatch(match: HttpMatch | undefined): MessageInitShape<typeof RouteMatchSchema> {
  if (match === undefined) return { pathSpecifier: { case: "prefix", value: "/" } };
  const wanted = Object.entries(match.headers ?? {});
  const unwanted = Object.entries(match.withoutHeaders ?? {});
  const isHeader = ([name]: readonly [string, StringMatch]) => routedClaim(name) === undefined;
  const claims = (conditions: readonly (readonly [string, StringMatch])[], invert: boolean) =>
    conditions.flatMap(([name, value]) => {
      const claim = routedClaim(name);
      return claim === undefined ? [] : [claimMatch(claim, stringMatch(value), invert)];
    });
  const named = [
    ...wanted.filter(isHeader).map(([name, value]) => headerMatch(name, value)),
    ...unwanted.filter(isHeader).map(([name, value]) => ({
      ...headerMatch(name, value),
      invertMatch: true,
      ...(isPresence(value) ? {} : { treatMissingHeaderAsEmpty: true }),
    })),
  ].sort((a, b) => ((a.name ?? "") < (b.name ?? "") ? -1 : 1));
  const pseudo = ([":method", ":authority", ":scheme"] as const).flatMap((name) => {
    const value = name === ":method" ? match.method : name === ":authority" ? match.authority : match.scheme;
    return value === undefined ? [] : [headerMatch(name, value)];
  });
  return {
    pathSpecifier: pathSpecifier(match.uri),
    caseSensitive: match.ignoreUriCase !== true,
    headers: [...named, ...pseudo],
    dynamicMetadata: [...claims(wanted, false), ...claims(unwanted, true)],
    queryParameters: Object.entries(match.queryParams ?? {}).map(([name, value]) => queryMatch(name, value)),
  };
}

function pathSpecifier(
  uri: StringMatch | undefined,
): Exclude<MessageInitShape<typeof RouteMatchSchema>["pathSpecifier"], undefined> {
  if (uri?.exact !== undefined) return { case: "path", value: uri.exact };
  if (uri?.prefix !== undefined) return { case: "prefix", value: uri.prefix };
  if (uri?.regex !== undefined) return { case: "safeRegex", value: { regex: uri.regex } };
  return { case: "prefix", value: "/" };
}

/** A condition that any value meets. */
function isPresence({ exact, prefix, regex }: StringMatch): boolean {
  return (exact === undefined && prefix === undefined && regex === undefined) || regex === "*";
}

/** Istio's string condition as Envoy's. */
export function stringMatch({
  exact,
  prefix,
  regex,
}: StringMatch): MessageInitShape<typeof StringMatcherSchema> {
  if (exact !== undefined) return { matchPattern: { case: "exact", value: exact } };
  if (prefix !== undefined) return { matchPattern: { case: "prefix", value: prefix } };
  return { matchPattern: { case: "safeRegex", value: { regex: regex ?? "" } } };
}

function headerMatch(name: string, value: StringMatch): MessageInitShape<typeof HeaderMatcherSchema> {
  return {
    name,
    headerMatchSpecifier: isPresence(value)
      ? { case: "presentMatch", value: true }
      : { case: "stringMatch", value: stringMatch(value) },
  };
}

function queryMatch(name: string, value: StringMatch): MessageInitShape<typeof QueryParameterMatcherSchema> {
  return {
    name,
    queryParameterMatchSpecifier: isPresence(value)
      ? { case: "presentMatch", value: true }
      : { case: "stringMatch", value: stringMatch(value) },
  };
}

/** Whether a route takes every request, so that routes after it are never reached. */
export function isCatchAll(match: RouteMatch | undefined): boolean {
  if (match === undefined) return false;
  const { pathSpecifier: path, headers, queryParameters, dynamicMetadata } = match;
  if ([headers, queryParameters, dynamicMetadata].some(({ length }) => length > 0)) return false;
  if (path.case === "prefix" || path.case === "pathSeparatedPrefix") return path.value === "/";
  return path.case === "safeRegex" && path.value.regex === ".*";
}
