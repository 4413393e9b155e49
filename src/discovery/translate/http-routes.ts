import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  HeaderValueOption_HeaderAppendAction,
  type HeaderValueOptionSchema,
} from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  RedirectAction_RedirectResponseCode,
  type Route,
  type RouteAction_HashPolicySchema,
  type RouteActionSchema,
  RouteSchema,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { CorsPolicySchema } from "../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { FractionalPercent_DenominatorType } from "../../xds/gen/envoy/type/v3/percent_pb.js";
import type {
  ConsistentHash,
  CorsPolicy,
  Destination,
  Headers,
  HttpFault,
  HttpMatch,
  HttpRedirect,
  HttpRoute,
  Percent,
} from "./config-types.ts";
import { parseClusterName } from "./names.ts";
import { selects } from "./objects.ts";
import { any, durationOf, milliseconds, parseDuration } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { retryPolicy } from "./retry-policy.ts";
import { destinationCluster, requestCluster } from "./route-destination.ts";
import { isCatchAll, routeMatch, stringMatch } from "./route-match.ts";
import type { Scope } from "./scope.ts";
import type { ResolvedVirtualService } from "./virtual-services.ts";

type RouteAction = MessageInitShape<typeof RouteActionSchema>;
type HashPolicy = MessageInitShape<typeof RouteAction_HashPolicySchema>;
type HeaderOption = MessageInitShape<typeof HeaderValueOptionSchema>;

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

/** The routes of a VirtualService for one listener. The first one that takes everything cuts off the rest. */
export function virtualServiceRoutes(rule: ResolvedVirtualService, context: RouteContext): Route[] {
  const routes: Route[] = [];
  for (const http of rule.http) {
    const matches = http.match ?? [];
    if (matches.length === 0) {
      const made = makeRoute(rule, http, undefined, context);
      if (made !== undefined) routes.push(made);
      return routes;
    }
    for (const match of matches) {
      if (!isMeant(match, context)) continue;
      const made = makeRoute(rule, http, match, context);
      if (made === undefined) continue;
      routes.push(made);
      if (isCatchAll(made.match)) return routes;
    }
  }
  return routes;
}

/** Whether a condition can hold for the proxy at all: port, gateway, labels and namespace of the caller. */
function isMeant(match: HttpMatch, { proxy, port, gateway }: RouteContext): boolean {
  if (match.port !== undefined && match.port !== 0 && match.port !== port) return false;
  if (match.gateways !== undefined && match.gateways.length > 0) return match.gateways.includes(gateway);
  const labels = match.sourceLabels ?? {};
  if (Object.keys(labels).length > 0 && !selects(labels, proxy.labels)) return false;
  return (
    match.sourceNamespace === undefined ||
    match.sourceNamespace === "" ||
    match.sourceNamespace === proxy.namespace
  );
}

function makeRoute(
  rule: ResolvedVirtualService,
  http: HttpRoute,
  match: HttpMatch | undefined,
  context: RouteContext,
): Route | undefined {
  const name =
    match?.name === undefined || match.name === "" ? (http.name ?? "") : `${http.name ?? ""}.${match.name}`;
  const operations = headerOperations(http.headers);
  const route = create(RouteSchema, {
    name,
    match: routeMatch(match),
    metadata: {
      filterMetadata: {
        istio: {
          config: `/apis/networking.istio.io/v1/namespaces/${rule.namespace}/virtual-service/${rule.name}`,
        },
      },
    },
    ...(match?.statPrefix === undefined ? {} : { statPrefix: match.statPrefix }),
    ...routeHeaders(operations),
    typedPerFilterConfig: perFilterConfig(http),
  });
  if (http.redirect !== undefined) {
    const redirect = redirectAction(http.redirect, context);
    if (redirect === undefined) return undefined;
    route.action = create(RouteSchema, { action: { case: "redirect", value: redirect } }).action;
  } else if (http.directResponse !== undefined) {
    route.action = directResponse(http.directResponse).action;
  } else if (!hasDestination(http)) {
    // Leading nowhere, it would make proxies reject all routes of the port with it.
    return undefined;
  } else {
    const { action, headers } = forwardAction(http, context, operations.authority);
    const made = create(RouteSchema, { action: { case: "route", value: action }, ...routeHeaders(headers) });
    route.action = made.action;
    route.requestHeadersToAdd.push(...made.requestHeadersToAdd);
    route.requestHeadersToRemove.push(...made.requestHeadersToRemove);
    route.responseHeadersToAdd.push(...made.responseHeadersToAdd);
    route.responseHeadersToRemove.push(...made.responseHeadersToRemove);
  }
  const decorator = create(RouteSchema, {
    decorator: { operation: operation(route, rule.name, context.port) },
  }).decorator;
  if (decorator !== undefined) route.decorator = decorator;
  return route;
}

/** Whether a request can go anywhere: one destination takes all, of several those with a weight count. */
function hasDestination({ route = [] }: HttpRoute): boolean {
  return route.length === 1 || route.some(({ weight }) => (weight ?? 0) > 0);
}

/** How traces call a route: its destination's host and port and its path. */
function operation(route: Route, ruleName: string, port: number): string {
  const path = route.match?.pathSpecifier;
  const shown =
    path?.case === "prefix"
      ? `${path.value}*`
      : path?.case === "path"
        ? path.value
        : path?.case === "safeRegex"
          ? path.value.regex
          : "/*";
  const specifier = route.action.case === "route" ? route.action.value.clusterSpecifier : undefined;
  const target = specifier?.case === "cluster" ? parseClusterName(specifier.value) : undefined;
  return target === undefined ? `${ruleName}:${port}${shown}` : `${target.host}:${target.port}${shown}`;
}

interface Operations {
  readonly requestAdd: readonly HeaderOption[];
  readonly requestRemove: readonly string[];
  readonly responseAdd: readonly HeaderOption[];
  readonly responseRemove: readonly string[];
  readonly authority: string;
}

const noOperations: Operations = {
  requestAdd: [],
  requestRemove: [],
  responseAdd: [],
  responseRemove: [],
  authority: "",
};
const isAuthority = (name: string) => [":authority", "host"].includes(name.toLowerCase());
const isInternal = (name: string) => name.startsWith(":") || name.toLowerCase() === "host";

function headerOperations(headers: Headers | undefined): Operations {
  if (headers === undefined) return noOperations;
  const { request, response } = headers;
  const append = HeaderValueOption_HeaderAppendAction;
  const options = (
    values: Readonly<Record<string, string>> = {},
    appendAction: HeaderValueOption_HeaderAppendAction,
  ) =>
    Object.entries(values)
      .filter(([name]) => !isInternal(name))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]): HeaderOption => ({ header: { key, value }, appendAction }));
  const authority = (values: Readonly<Record<string, string>> = {}) =>
    Object.entries(values).find(([name]) => isAuthority(name))?.[1];
  return {
    requestAdd: [
      ...options(request?.set, append.OVERWRITE_IF_EXISTS_OR_ADD),
      ...options(request?.add, append.APPEND_IF_EXISTS_OR_ADD),
    ],
    requestRemove: (request?.remove ?? []).filter((name) => !isInternal(name)),
    responseAdd: [
      ...options(response?.set, append.OVERWRITE_IF_EXISTS_OR_ADD),
      ...options(response?.add, append.APPEND_IF_EXISTS_OR_ADD),
    ],
    responseRemove: (response?.remove ?? []).filter((name) => !isInternal(name)),
    authority: authority(request?.set) ?? authority(request?.add) ?? "",
  };
}

function routeHeaders({ requestAdd, requestRemove, responseAdd, responseRemove }: Operations) {
  return {
    requestHeadersToAdd: [...requestAdd],
    requestHeadersToRemove: [...requestRemove],
    responseHeadersToAdd: [...responseAdd],
    responseHeadersToRemove: [...responseRemove],
  };
}

function forwardAction(
  http: HttpRoute,
  context: RouteContext,
  headerAuthority: string,
): { readonly action: RouteAction; readonly headers: Operations } {
  const { scope } = context;
  const timeout = parseDuration(http.timeout) ?? 0;
  const routes = http.route ?? [];
  const hashes = routes.flatMap(({ destination }) => hashPolicy(consistentHash(scope, destination)) ?? []);
  const single = routes.length === 1 ? routes[0] : undefined;
  const own = headerOperations(single?.headers);
  const authority = http.rewrite?.authority || headerAuthority || own.authority;
  const retry = retryPolicy(
    http.retries ?? scope.rules.mesh.defaultHttpRetryPolicy,
    single !== undefined && hashes.length > 0,
  );
  const action: RouteAction = {
    clusterSpecifier:
      single !== undefined
        ? { case: "cluster", value: targetCluster(context, single.destination) }
        : {
            case: "weightedClusters",
            value: {
              clusters: routes
                .filter(({ weight }) => (weight ?? 0) > 0)
                .map(({ destination, weight, headers }) => {
                  const operations = headerOperations(headers);
                  return {
                    name: targetCluster(context, destination),
                    weight: weight ?? 0,
                    ...routeHeaders(operations),
                    ...(operations.authority === ""
                      ? {}
                      : {
                          hostRewriteSpecifier: {
                            case: "hostRewriteLiteral" as const,
                            value: operations.authority,
                          },
                        }),
                  };
                }),
            },
          },
    timeout: milliseconds(timeout),
    maxGrpcTimeout: milliseconds(timeout),
    ...(retry === undefined ? {} : { retryPolicy: retry }),
    ...rewrite(http),
    ...(authority === "" ? {} : { hostRewriteSpecifier: { case: "hostRewriteLiteral", value: authority } }),
    requestMirrorPolicies: mirrors(http, context),
    hashPolicy: hashes,
  };
  return { action, headers: own };
}

function rewrite({
  rewrite: written,
}: HttpRoute): Partial<Pick<RouteAction, "prefixRewrite" | "regexRewrite">> {
  const regex = written?.uriRegexRewrite;
  if (regex?.match !== undefined)
    return { regexRewrite: { pattern: { regex: regex.match }, substitution: regex.rewrite ?? "" } };
  return written?.uri === undefined || written.uri === "" ? {} : { prefixRewrite: written.uri };
}

function targetCluster({ scope, port, gateway }: RouteContext, destination: Destination): string {
  return gateway === "mesh"
    ? requestCluster(scope, destination, port)
    : destinationCluster(scope, destination, port);
}

function mirrors(http: HttpRoute, context: RouteContext) {
  const written: { readonly destination: Destination; readonly percent: ReturnType<typeof percentOf> }[] = [];
  if (http.mirror !== undefined) {
    const percent =
      http.mirrorPercentage ?? (http.mirrorPercent === undefined ? undefined : { value: http.mirrorPercent });
    written.push({ destination: http.mirror, percent: percentOf(percent) });
  }
  for (const { destination, percentage } of http.mirrors ?? []) {
    if (destination !== undefined) written.push({ destination, percent: percentOf(percentage) });
  }
  return written
    .filter(({ percent }) => percent.numerator > 0)
    .map(({ destination, percent }) => ({
      cluster: targetCluster(context, destination),
      runtimeFraction: { defaultValue: percent },
      traceSampled: false,
    }));
}

function percentOf(percent: Percent | undefined) {
  return percent === undefined
    ? { numerator: 100, denominator: FractionalPercent_DenominatorType.HUNDRED }
    : {
        numerator: Math.floor((percent.value ?? 0) * 10_000),
        denominator: FractionalPercent_DenominatorType.MILLION,
      };
}

/** The hash that a destination's DestinationRule asks for: its subset's, its port's, else its general one. */
export function consistentHash(
  scope: Scope,
  { host, subset, port }: Destination,
): ConsistentHash | undefined {
  const service = scope.service(host);
  const rule = scope.destinationRule(service ?? { host, namespace: scope.namespace });
  if (rule === undefined) return undefined;
  const level = (policy: typeof rule.trafficPolicy) =>
    policy?.portLevelSettings?.find((settings) => settings.port?.number === port?.number)?.loadBalancer
      ?.consistentHash;
  const chosen = rule.subsets.find(({ name }) => name === subset)?.trafficPolicy;
  return (
    level(chosen) ??
    chosen?.loadBalancer?.consistentHash ??
    level(rule.trafficPolicy) ??
    rule.trafficPolicy?.loadBalancer?.consistentHash
  );
}

/** What requests are hashed by. */
export function hashPolicy(hash: ConsistentHash | undefined): HashPolicy | undefined {
  if (hash?.httpHeaderName !== undefined)
    return { policySpecifier: { case: "header", value: { headerName: hash.httpHeaderName } } };
  if (hash?.httpCookie !== undefined) {
    const { name = "", path = "", ttl } = hash.httpCookie;
    const lifetime = durationOf(ttl);
    return {
      policySpecifier: {
        case: "cookie",
        value: { name, path, ...(lifetime === undefined ? {} : { ttl: lifetime }) },
      },
    };
  }
  if (hash?.useSourceIp !== undefined) {
    return { policySpecifier: { case: "connectionProperties", value: { sourceIp: hash.useSourceIp } } };
  }
  if (hash?.httpQueryParameterName !== undefined) {
    return { policySpecifier: { case: "queryParameter", value: { name: hash.httpQueryParameterName } } };
  }
  return undefined;
}

function redirectAction(redirect: HttpRedirect, { port, isTls }: RouteContext) {
  const codes: Readonly<Record<number, RedirectAction_RedirectResponseCode>> = {
    301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
    302: RedirectAction_RedirectResponseCode.FOUND,
    303: RedirectAction_RedirectResponseCode.SEE_OTHER,
    307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
    308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
  };
  const responseCode = codes[redirect.redirectCode ?? 301];
  if (responseCode === undefined) return undefined;
  const scheme = redirect.scheme || (isTls ? "https" : "http");
  const wanted = redirect.port ?? (redirect.derivePort === "FROM_REQUEST_PORT" ? port : 0);
  const isDefault = (wanted === 80 && scheme === "http") || (wanted === 443 && scheme === "https");
  return {
    hostRedirect: redirect.authority ?? "",
    responseCode,
    portRedirect: isDefault ? 0 : wanted,
    pathRewriteSpecifier:
      redirect.prefixRewrite === undefined
        ? { case: "pathRedirect" as const, value: redirect.uri ?? "" }
        : { case: "prefixRewrite" as const, value: redirect.prefixRewrite },
    ...(redirect.scheme === undefined
      ? {}
      : { schemeRewriteSpecifier: { case: "schemeRedirect" as const, value: redirect.scheme } }),
  };
}

function directResponse({ status, body }: NonNullable<HttpRoute["directResponse"]>): Pick<Route, "action"> {
  const specifier =
    body?.string !== undefined
      ? { case: "inlineString" as const, value: body.string }
      : body?.bytes !== undefined
        ? { case: "inlineBytes" as const, value: new Uint8Array(Buffer.from(body.bytes, "base64")) }
        : undefined;
  return create(RouteSchema, {
    action: {
      case: "directResponse",
      value: { status, ...(specifier === undefined ? {} : { body: { specifier } }) },
    },
  });
}

function perFilterConfig(http: HttpRoute): Record<string, Any> {
  const fault = http.fault === undefined ? undefined : faultConfig(http.fault);
  return {
    ...(fault === undefined ? {} : { "envoy.filters.http.fault": fault }),
    ...(http.corsPolicy === undefined ? {} : { "envoy.filters.http.cors": corsConfig(http.corsPolicy) }),
  };
}

/** gRPC status codes by name (grpc/status.proto). */
const grpcCodes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

function faultConfig({ delay, abort }: HttpFault): Any | undefined {
  const fixed = durationOf(delay?.fixedDelay);
  const grpc = abort?.grpcStatus === undefined ? -1 : grpcCodes.indexOf(abort.grpcStatus);
  const errorType =
    abort?.httpStatus !== undefined
      ? { case: "httpStatus" as const, value: abort.httpStatus }
      : grpc >= 0
        ? { case: "grpcStatus" as const, value: grpc }
        : undefined;
  if (fixed === undefined && errorType === undefined) return undefined;
  const old = { numerator: delay?.percent ?? 0, denominator: FractionalPercent_DenominatorType.HUNDRED };
  return any(HTTPFaultSchema, {
    ...(fixed === undefined
      ? {}
      : {
          delay: {
            percentage: delay?.percentage === undefined ? old : percentOf(delay.percentage),
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
  const maxAge = parseDuration(cors.maxAge);
  return any(CorsPolicySchema, {
    allowOriginStringMatch: origins.map(stringMatch),
    allowMethods: (cors.allowMethods ?? []).join(","),
    allowHeaders: (cors.allowHeaders ?? []).join(","),
    exposeHeaders: (cors.exposeHeaders ?? []).join(","),
    ...(maxAge === undefined ? {} : { maxAge: String(Math.floor(maxAge / 1000)) }),
    ...(cors.allowCredentials === undefined ? {} : { allowCredentials: cors.allowCredentials }),
    filterEnabled: {
      defaultValue: { numerator: 100, denominator: FractionalPercent_DenominatorType.HUNDRED },
    },
    forwardNotMatchingPreflights: cors.unmatchedPreflights !== "IGNORE",
  });
}
