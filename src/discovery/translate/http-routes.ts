import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Route, RouteSchema } from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { configMetadata } from "./config-metadata.ts";
import type { HttpMatch, HttpRoute } from "./config-types.ts";
import { type HeaderOperations, headerOperations, routeHeaders } from "./header-operations.ts";
import { parseClusterName } from "./names.ts";
import { selects } from "./objects.ts";
import { optional } from "./proto.ts";
import { forwardAction, type RouteContext } from "./route-action.ts";
import { perFilterConfig } from "./route-filters.ts";
import { isCatchAll, routeMatch } from "./route-match.ts";
import { directResponse, redirectAction } from "./route-replies.ts";
import type { ResolvedVirtualService } from "./virtual-services.ts";

type RouteAction = NonNullable<MessageInitShape<typeof RouteSchema>["action"]>;

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
  const operations = headerOperations(http.headers);
  const made = routeAction(http, context, operations);
  if (made === undefined) return undefined;
  const ownName = match?.name ?? "";
  const route = create(RouteSchema, {
    name: ownName === "" ? (http.name ?? "") : `${http.name ?? ""}.${ownName}`,
    match: routeMatch(match),
    metadata: configMetadata("virtual-service", rule),
    ...optional("statPrefix", match?.statPrefix),
    ...routeHeaders(operations, made.headers),
    typedPerFilterConfig: perFilterConfig(http),
    action: made.action,
  });
  const decorator = create(RouteSchema, {
    decorator: { operation: operation(route, rule.name, context.port) },
  }).decorator;
  if (decorator !== undefined) route.decorator = decorator;
  return route;
}

/** What a route does with a request; undefined when it leads nowhere, which would make proxies reject all routes of the port with it. */
function routeAction(
  http: HttpRoute,
  context: RouteContext,
  operations: HeaderOperations,
): { readonly action: RouteAction; readonly headers?: HeaderOperations } | undefined {
  if (http.redirect !== undefined) {
    const redirect = redirectAction(http.redirect, context);
    return redirect === undefined ? undefined : { action: { case: "redirect", value: redirect } };
  }
  if (http.directResponse !== undefined)
    return { action: { case: "directResponse", value: directResponse(http.directResponse) } };
  const forward = forwardAction(http, context, operations.authority);
  return forward === undefined
    ? undefined
    : { action: { case: "route", value: forward.action }, headers: forward.headers };
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
