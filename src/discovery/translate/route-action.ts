import type { MessageInitShape } from "@bufbuild/protobuf";
import { parseGoDuration } from "../../base/index.ts";
import type { RouteActionSchema } from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { Destination, HttpRoute, RouteDestination } from "./config-types.ts";
import { consistentHash, hashPolicy } from "./hash-policy.ts";
import { type HeaderOperations, headerOperations, routeHeaders } from "./header-operations.ts";
import { percentOf, wholePercent } from "./percent.ts";
import { milliseconds, optional } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { retryPolicy } from "./retry-policy.ts";
import { destinationCluster, requestCluster } from "./route-destination.ts";
import type { Scope } from "./scope.ts";

type RouteAction = MessageInitShape<typeof RouteActionSchema>;

/** Where routes are made for. */
export interface RouteContext {
  readonly scope: Scope;
  readonly proxy: ProxyNode;
  /** Port of the listener. */
  readonly port: number;
  /** "mesh" or a gateway's "namespace/name". */
  readonly gateway: string;
  readonly isTls: boolean;
}

/**
 * Where a route sends requests and how. `authority` is the host that the route's own header operations set; of
 * several wishes for a host, the rewrite's counts first and a destination's last. Undefined without a destination.
 */
export function forwardAction(
  http: HttpRoute,
  context: RouteContext,
  authority: string,
): { readonly action: RouteAction; readonly headers: HeaderOperations } | undefined {
  const { scope } = context;
  const { route: written = [], rewrite } = http;
  const single = written.length === 1 ? written[0] : undefined;
  const destinations = single === undefined ? written.filter(({ weight }) => (weight ?? 0) > 0) : [single];
  if (destinations.length === 0) return undefined;
  const timeout = milliseconds(parseGoDuration(http.timeout) ?? 0);
  const hashes = destinations.flatMap(
    ({ destination }) => hashPolicy(consistentHash(scope, destination)) ?? [],
  );
  const headers = headerOperations(single?.headers);
  const retry = retryPolicy(
    http.retries ?? scope.rules.mesh.defaultHttpRetryPolicy,
    single !== undefined && hashes.length > 0,
  );
  const action: RouteAction = {
    clusterSpecifier:
      single === undefined
        ? {
            case: "weightedClusters",
            value: { clusters: destinations.map((item) => weightedCluster(item, context)) },
          }
        : { case: "cluster", value: targetCluster(context, single.destination) },
    timeout,
    maxGrpcTimeout: timeout,
    ...optional("retryPolicy", retry),
    ...pathRewrite(rewrite),
    ...hostRewrite(rewrite?.authority || authority || headers.authority),
    requestMirrorPolicies: mirrors(http, context),
    hashPolicy: hashes,
  };
  return { action, headers };
}

function weightedCluster({ destination, weight, headers }: RouteDestination, context: RouteContext) {
  const operations = headerOperations(headers);
  return {
    name: targetCluster(context, destination),
    weight: weight ?? 0,
    ...routeHeaders(operations),
    ...hostRewrite(operations.authority),
  };
}

const hostRewrite = (authority: string) =>
  authority === "" ? {} : { hostRewriteSpecifier: { case: "hostRewriteLiteral" as const, value: authority } };

function pathRewrite(
  rewrite: HttpRoute["rewrite"],
): Partial<Pick<RouteAction, "prefixRewrite" | "regexRewrite">> {
  const regex = rewrite?.uriRegexRewrite;
  if (regex?.match !== undefined)
    return { regexRewrite: { pattern: { regex: regex.match }, substitution: regex.rewrite ?? "" } };
  return (rewrite?.uri ?? "") === "" ? {} : { prefixRewrite: rewrite?.uri ?? "" };
}

function targetCluster({ scope, port, gateway }: RouteContext, destination: Destination): string {
  return gateway === "mesh"
    ? requestCluster(scope, destination, port)
    : destinationCluster(scope, destination, port);
}

/** Where copies of requests go. The copies keep the host of the request. */
function mirrors(http: HttpRoute, context: RouteContext) {
  const { mirror, mirrorPercentage } = http;
  const whole = http.mirrorPercent ?? http.mirror_percent ?? 100;
  const single =
    mirror === undefined
      ? []
      : [
          {
            destination: mirror,
            percent: mirrorPercentage === undefined ? wholePercent(whole) : percentOf(mirrorPercentage),
          },
        ];
  const several = (http.mirrors ?? []).flatMap(({ destination, percentage }) =>
    destination === undefined
      ? []
      : [{ destination, percent: percentage === undefined ? wholePercent(100) : percentOf(percentage) }],
  );
  return [...single, ...several]
    .filter(({ percent }) => percent.numerator > 0)
    .map(({ destination, percent }) => ({
      cluster: targetCluster(context, destination),
      runtimeFraction: { defaultValue: percent },
      traceSampled: false,
      disableShadowHostSuffixAppend: true,
    }));
}
