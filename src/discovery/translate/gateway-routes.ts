import { create } from "@bufbuild/protobuf";
import {
  type Route,
  type VirtualHost,
  VirtualHost_TlsRequirementType,
  VirtualHostSchema,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import type { GatewayServer, MergedGateways } from "./gateways.ts";
import { virtualServiceRoutes } from "./http-routes.ts";
import { hostsOverlap, isSubsetOf, isWildcard } from "./names.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { isCatchAll } from "./route-match.ts";
import type { Scope } from "./scope.ts";
import { maxDirectResponseBytes } from "./sidecar-routes.ts";

interface HostDraft {
  readonly port: number;
  readonly routes: Route[];
  redirects: boolean;
}

/** The routes of a router's port: those of all VirtualServices bound to the Gateways there, by host. */
export function gatewayRoutes(
  scope: Scope,
  proxy: ProxyNode,
  merged: MergedGateways,
  name: string,
): RouteConfiguration {
  const servers = merged.serversByRoute.get(name) ?? [];
  const drafts = new Map<string, HostDraft>();
  const draft = (host: string, port: number) => {
    let found = drafts.get(host);
    if (found === undefined) {
      found = { port, routes: [], redirects: false };
      drafts.set(host, found);
    }
    return found;
  };
  const seen = new Map<string, Route[]>();
  for (const placed of servers) {
    const redirects = placed.server.tls?.httpsRedirect === true;
    for (const rule of scope.virtualServicesFor(placed.gateway)) {
      const hosts = intersect(hostsFor(placed, rule.namespace), rule.hosts);
      if (hosts.length === 0) continue;
      const key = `${placed.gateway}\n${rule.namespace}/${rule.name}\n${placed.number}`;
      let routes = seen.get(key);
      if (routes === undefined) {
        const isTls = placed.server.tls !== undefined;
        routes = virtualServiceRoutes(rule, {
          scope,
          proxy,
          port: placed.number,
          gateway: placed.gateway,
          isTls,
        });
        seen.set(key, routes);
      }
      if (routes.length === 0) continue;
      for (const host of hosts) {
        const of = draft(host.toLowerCase(), placed.number);
        of.routes.push(...routes);
        of.redirects ||= redirects;
      }
    }
    if (redirects)
      for (const host of placed.hosts) draft(plainHost(host).toLowerCase(), placed.number).redirects = true;
  }
  const hosts = withSameRoutes(drafts).map(([domains, made]) => virtualHost(domains, made));
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: hosts.length > 0 || servers.length === 0 ? hosts : [blackHole(servers[0]?.number ?? 0)],
    validateClusters: false,
    ...(servers.length === 0
      ? {}
      : { ignorePortInHostMatching: true, maxDirectResponseBodySizeBytes: maxDirectResponseBytes }),
  });
}

/** The host without the namespace that VirtualServices must be of. */
export function plainHost(host: string): string {
  return host.slice(host.indexOf("/") + 1);
}

/** The server's hosts that VirtualServices of a namespace may use. */
export function hostsFor({ hosts }: GatewayServer, namespace: string): string[] {
  return hosts.flatMap((host) => {
    const slash = host.indexOf("/");
    if (slash < 0) return [host];
    const of = host.slice(0, slash);
    return of === "*" || of === namespace ? [host.slice(slash + 1)] : [];
  });
}

/** Names that both sides mean, as the narrower side writes them. */
function intersect(server: readonly string[], rule: readonly string[]): string[] {
  const found = new Set<string>();
  for (const left of server) {
    for (const right of rule) {
      if (!hostsOverlap(left, right)) continue;
      found.add(isSubsetOf(right, left) ? right : left);
    }
  }
  return [...found];
}

/** Hosts that have the very same routes share a virtual host, which is called after the first of them. */
function withSameRoutes(drafts: ReadonlyMap<string, HostDraft>): [string[], HostDraft][] {
  const shared: [string[], HostDraft][] = [];
  const sorted = [...drafts].sort(([a], [b]) => hostOrder(a, b));
  for (const [host, draft] of sorted) {
    const same = shared.find(
      ([, other]) =>
        other.redirects === draft.redirects &&
        other.routes.length === draft.routes.length &&
        other.routes.every((route, i) => route === draft.routes[i]),
    );
    if (same === undefined) shared.push([[host], draft]);
    else same[0].push(host);
  }
  return shared.sort(([[a = ""], left], [[b = ""], right]) =>
    `${a}:${left.port}` < `${b}:${right.port}` ? -1 : 1,
  );
}

/** More specific hosts first: names before wildcards, longer ones before shorter ones, then by name. */
function hostOrder(a: string, b: string): number {
  if (isWildcard(a) !== isWildcard(b)) return isWildcard(a) ? 1 : -1;
  return b.length - a.length || (a < b ? -1 : 1);
}

function virtualHost(domains: readonly string[], { port, routes, redirects }: HostDraft): VirtualHost {
  return create(VirtualHostSchema, {
    name: `${domains[0]}:${port}`,
    domains: [...domains],
    routes: [
      ...routes.filter(({ match }) => !isCatchAll(match)),
      ...routes.filter(({ match }) => isCatchAll(match)),
    ],
    includeRequestAttemptCount: true,
    ...(redirects ? { requireTls: VirtualHost_TlsRequirementType.ALL } : {}),
  });
}

function blackHole(port: number): VirtualHost {
  return create(VirtualHostSchema, { name: `blackhole:${port}`, domains: ["*"] });
}
