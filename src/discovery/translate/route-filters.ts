import type { Any } from "@bufbuild/protobuf/wkt";
import { parseGoDuration } from "../../base/index.ts";
import { CorsPolicySchema } from "../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { grpcStatuses } from "../grpc-statuses.ts";
import type { CorsPolicy, HttpFault, HttpRoute } from "./config-types.ts";
import { percentOf, wholePercent } from "./percent.ts";
import { any, durationOf } from "./proto.ts";
import { stringMatch } from "./route-match.ts";

/** What the filters before the router do differently for a route, by filter. */
export function perFilterConfig(http: HttpRoute): Record<string, Any> {
  const fault = http.fault === undefined ? undefined : faultConfig(http.fault);
  return {
    ...(fault === undefined ? {} : { "envoy.filters.http.fault": fault }),
    ...(http.corsPolicy === undefined ? {} : { "envoy.filters.http.cors": corsConfig(http.corsPolicy) }),
  };
}

function faultConfig({ delay, abort }: HttpFault): Any | undefined {
  const fixed = durationOf(delay?.fixedDelay);
  const grpc = abort?.grpcStatus === undefined ? -1 : grpcStatuses.indexOf(abort.grpcStatus);
  const errorType =
    abort?.httpStatus !== undefined
      ? { case: "httpStatus" as const, value: abort.httpStatus }
      : grpc >= 0
        ? { case: "grpcStatus" as const, value: grpc }
        : undefined;
  if (fixed === undefined && errorType === undefined) return undefined;
  return any(HTTPFaultSchema, {
    ...(fixed === undefined
      ? {}
      : {
          delay: {
            percentage:
              delay?.percentage === undefined
                ? wholePercent(delay?.percent ?? 0)
                : percentOf(delay.percentage),
            faultDelaySecifier: { case: "fixedDelay", value: fixed },
          },
        }),
    ...(errorType === undefined
      ? {}
      : {
          abort: {
            errorType,
            ...(abort?.percentage === undefined ? {} : { percentage: percentOf(abort.percentage) }),
          },
        }),
  });
}

function corsConfig(cors: CorsPolicy): Any {
  const origins = cors.allowOrigins ?? (cors.allowOrigin ?? []).map((exact) => ({ exact }));
  const maxAge = parseGoDuration(cors.maxAge);
  return any(CorsPolicySchema, {
    allowOriginStringMatch: origins.map(stringMatch),
    allowMethods: (cors.allowMethods ?? []).join(","),
    allowHeaders: (cors.allowHeaders ?? []).join(","),
    exposeHeaders: (cors.exposeHeaders ?? []).join(","),
    ...(maxAge === undefined ? {} : { maxAge: String(Math.floor(maxAge / 1000)) }),
    ...(cors.allowCredentials === undefined ? {} : { allowCredentials: cors.allowCredentials }),
    filterEnabled: { defaultValue: wholePercent(100) },
    forwardNotMatchingPreflights: cors.unmatchedPreflights !== "IGNORE",
  });
}
