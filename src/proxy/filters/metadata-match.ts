import type { JsonValue } from "@bufbuild/protobuf";
import type { MetadataMatcher } from "../../xds/gen/envoy/type/matcher/v3/metadata_pb.js";
import type { ValueMatcher } from "../../xds/gen/envoy/type/matcher/v3/value_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { compileStringMatcher } from "../config/string-match.ts";
import type { RequestHead } from "../http/codec.ts";

type ValueTest = (value: JsonValue | undefined) => boolean;

/** Compiles a condition on what filters found out about a request (dynamic metadata). Throws ConfigError. */
export function compileMetadataMatch(
  matcher: MetadataMatcher,
  where: string,
): (head: RequestHead | undefined) => boolean {
  const test = compileValue(matcher.value, where);
  const path = matcher.path.map(({ segment }) => segment.value ?? "");
  return (head) => {
    let value: JsonValue | undefined = head?.metadata?.[matcher.filter];
    for (const part of path) {
      value = typeof value === "object" && value !== null && !Array.isArray(value) ? value[part] : undefined;
    }
    return test(value) !== matcher.invert;
  };
}

function compileValue(matcher: ValueMatcher | undefined, where: string): ValueTest {
  const pattern = matcher?.matchPattern;
  switch (pattern?.case) {
    case "nullMatch":
      return (value) => value === null;
    case "boolMatch":
      return (value) => value === pattern.value;
    case "presentMatch":
      return (value) => (value !== undefined) === pattern.value;
    case "stringMatch": {
      const test = compileStringMatcher(pattern.value, where);
      return (value) => typeof value === "string" && test(value);
    }
    case "doubleMatch": {
      const { matchPattern } = pattern.value;
      if (matchPattern.case === "exact") return (value) => value === matchPattern.value;
      if (matchPattern.case !== "range") throw new ConfigError(`${where}: double matcher without a pattern`);
      const { start, end } = matchPattern.value;
      return (value) => typeof value === "number" && value >= start && value < end;
    }
    case "listMatch": {
      if (pattern.value.matchPattern.case !== "oneOf")
        throw new ConfigError(`${where}: list matcher without a pattern`);
      const test = compileValue(pattern.value.matchPattern.value, where);
      return (value) => Array.isArray(value) && value.some(test);
    }
    case "orMatch": {
      const tests = pattern.value.valueMatchers.map((inner) => compileValue(inner, where));
      return (value) => tests.some((test) => test(value));
    }
    default:
      throw new ConfigError(`${where}: value matcher without a pattern`);
  }
}
