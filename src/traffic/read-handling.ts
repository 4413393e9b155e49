import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Any, Duration } from "@bufbuild/protobuf/wkt";
import { parseClusterName } from "../discovery/index.ts";
import type {
  RetryPolicy,
  Route,
  RouteAction_RequestMirrorPolicy,
} from "../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { CorsPolicySchema } from "../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import {
  type FractionalPercent,
  FractionalPercent_DenominatorType,
} from "../xds/gen/envoy/type/v3/percent_pb.js";

/**
 * What a route does to requests besides sending them somewhere, in words: "time-out" to "3s". What is not there is not done;
 * retries are always said, since Istio's default are two.
 */
export type Handling = Readonly<
  Partial<Record<"time-out" | "retries" | "delay" | "abort" | "mirror" | "CORS", string>>
>;

/** Istio's own conditions, which need no word. */
const usualConditions = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

export function readHandling({ action, typedPerFilterConfig: filters }: Route): Handling {
  if (action.case !== "route") return {};
  const { timeout, retryPolicy, requestMirrorPolicies } = action.value;
  const fault = unpack(filters["envoy.filters.http.fault"], HTTPFaultSchema);
  const cors = unpack(filters["envoy.filters.http.cors"], CorsPolicySchema);
  const handling: Record<string, string | undefined> = {
    "time-out": isZero(timeout) ? undefined : seconds(timeout),
    retries: retryText(retryPolicy),
    delay:
      fault?.delay?.faultDelaySecifier.case === "fixedDelay"
        ? partText(fault.delay.percentage, `${seconds(fault.delay.faultDelaySecifier.value)} for`)
        : undefined,
    abort: partText(fault?.abort?.percentage, `${abortText(fault?.abort?.errorType)} for`),
    mirror: requestMirrorPolicies.map(mirrorText).join(", ") || undefined,
    CORS:
      cors === undefined
        ? undefined
        : cors.allowOriginStringMatch.map(({ matchPattern }) => patternText(matchPattern)).join(", "),
  };
  return Object.fromEntries(Object.entries(handling).filter(([, text]) => text !== undefined));
}

function retryText(policy: RetryPolicy | undefined): string {
  if (policy === undefined) return "none";
  const { numRetries, perTryTimeout, retryOn, retriableStatusCodes } = policy;
  const conditions = [...(retryOn === usualConditions ? [] : retryOn.split(",")), ...retriableStatusCodes];
  return [
    String(numRetries ?? 1),
    ...(isZero(perTryTimeout) ? [] : [`of ${seconds(perTryTimeout)} each`]),
    ...(conditions.length === 0 ? [] : [`on ${conditions.join(", ")}`]),
  ].join(" ");
}

function abortText(
  type: { readonly case: string | undefined; readonly value?: unknown } | undefined,
): string {
  return type?.case === "grpcStatus" ? `gRPC status ${type.value}` : String(type?.value ?? "");
}

function mirrorText({ cluster, runtimeFraction }: RouteAction_RequestMirrorPolicy): string {
  const { host = cluster, subset = "" } = parseClusterName(cluster) ?? {};
  const part = percentOf(runtimeFraction?.defaultValue) ?? 100;
  return `${part} % to ${subset === "" ? "" : `${subset} of `}${host}`;
}

function patternText(pattern: { readonly case: string | undefined; readonly value?: unknown }): string {
  if (pattern.case === "safeRegex") return `~${(pattern.value as { readonly regex: string }).regex}`;
  return `${String(pattern.value ?? "")}${pattern.case === "prefix" ? "*" : ""}`;
}

/** "3s for 10 %"; undefined when it is for no request. */
function partText(percentage: FractionalPercent | undefined, text: string): string | undefined {
  const percent = percentOf(percentage);
  return percent === undefined || percent === 0 ? undefined : `${text} ${percent} %`;
}

const denominators = {
  [FractionalPercent_DenominatorType.HUNDRED]: 100,
  [FractionalPercent_DenominatorType.TEN_THOUSAND]: 10_000,
  [FractionalPercent_DenominatorType.MILLION]: 1_000_000,
} as const;

function percentOf(fraction: FractionalPercent | undefined): number | undefined {
  if (fraction === undefined) return undefined;
  return (fraction.numerator / denominators[fraction.denominator]) * 100;
}

function isZero(duration: Duration | undefined): duration is undefined {
  return duration === undefined || (duration.seconds === 0n && duration.nanos === 0);
}

function seconds(duration: Duration | undefined): string {
  return duration === undefined ? "0s" : `${Number(duration.seconds) + duration.nanos / 1e9}s`;
}

function unpack<D extends DescMessage>(packed: Any | undefined, schema: D): MessageShape<D> | undefined {
  return packed?.typeUrl === `type.googleapis.com/${schema.typeName}`
    ? fromBinary(schema, packed.value)
    : undefined;
}
