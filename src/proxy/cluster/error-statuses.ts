import type { MatchPredicate } from "../../xds/gen/envoy/config/common/matcher/v3/matcher_pb.js";
import { ConfigError } from "../config/config-error.ts";

/**
 * The status codes that outlier detection takes for errors, where a cluster names them; undefined: those from 500 on.
 * Throws ConfigError for a matcher of anything but the status of answers.
 */
export function compileErrorStatuses(
  matcher: MatchPredicate | undefined,
  where: string,
): ReadonlySet<number> | undefined {
  if (matcher === undefined) return undefined;
  const rules = matcher.rule.case === "orMatch" ? matcher.rule.value.rules : [matcher];
  return new Set(
    rules.map(({ rule }) => {
      const headers = rule.case === "httpResponseHeadersMatch" ? rule.value.headers : [];
      const [{ name, headerMatchSpecifier: wanted } = { name: "", headerMatchSpecifier: undefined }] =
        headers;
      const status =
        headers.length === 1 && name === ":status" && wanted?.case === "stringMatch"
          ? wanted.value.matchPattern
          : undefined;
      if (status?.case !== "exact")
        throw new ConfigError(`${where}: outlier detection can tell errors by exact status codes only`);
      return Number(status.value);
    }),
  );
}

/** A status as outlier detection is to see it: an error of the server, or none. */
export function countedStatus(errors: ReadonlySet<number> | undefined, status: number): number {
  if (errors === undefined) return status;
  return errors.has(status) ? Math.max(500, status) : 200;
}
