import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type AccessLogFilterSchema,
  ComparisonFilter_Op,
} from "../../xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";

type LogFilter = MessageInitShape<typeof AccessLogFilterSchema>;

/**
 * The filter of an access log that an expression in CEL asks for; undefined when it asks for something that no plain
 * filter can say. What can be said: comparisons of `response.code` with numbers, put together by &&, || and brackets.
 */
export function logFilter(expression: string): LogFilter | undefined {
  const tokens = expression.match(/&&|\|\||[<>=!]=|[<>()]|[\w.]+|\S/g) ?? [];
  let at = 0;
  const list = (separator: string, next: () => LogFilter | undefined, join: "andFilter" | "orFilter") => {
    const filters: LogFilter[] = [];
    do {
      const one = next();
      if (one === undefined) return undefined;
      filters.push(one);
    } while (tokens[at] === separator && ++at > 0);
    const [only] = filters;
    return filters.length === 1 ? only : { filterSpecifier: { case: join, value: { filters } } };
  };
  const term = (): LogFilter | undefined => {
    if (tokens[at] === "(") {
      at++;
      const inner = either();
      return tokens[at++] === ")" ? inner : undefined;
    }
    const [name = "", operator = "", number = ""] = tokens.slice(at, at + 3);
    at += 3;
    if (name !== "response.code" || !/^\d{1,9}$/.test(number)) return undefined;
    return comparison(operator, Number(number));
  };
  const all = () => list("&&", term, "andFilter");
  const either = (): LogFilter | undefined => list("||", all, "orFilter");
  const filter = either();
  return at === tokens.length ? filter : undefined;
}

function comparison(operator: string, code: number): LogFilter | undefined {
  switch (operator) {
    case "==":
      return status(ComparisonFilter_Op.EQ, code);
    case ">=":
      return status(ComparisonFilter_Op.GE, code);
    case ">":
      return status(ComparisonFilter_Op.GE, code + 1);
    case "<=":
      return status(ComparisonFilter_Op.LE, code);
    case "<":
      return code === 0 ? undefined : status(ComparisonFilter_Op.LE, code - 1);
    case "!=": {
      if (code === 0) return status(ComparisonFilter_Op.GE, 1);
      const filters = [status(ComparisonFilter_Op.LE, code - 1), status(ComparisonFilter_Op.GE, code + 1)];
      return { filterSpecifier: { case: "orFilter", value: { filters } } };
    }
    default:
      return undefined;
  }
}

function status(op: ComparisonFilter_Op, code: number): LogFilter {
  const value = { defaultValue: code, runtimeKey: "access_log.status" };
  return { filterSpecifier: { case: "statusCodeFilter", value: { comparison: { op, value } } } };
}
