import { create } from "@bufbuild/protobuf";
import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import { type Memory, memoryOf, remember } from "./dependencies.ts";
import { consistentHash, hashPolicy } from "./hash-policy.ts";
import { virtualServiceRoutes } from "./http-routes.ts";
import { clusterName, hostsOverlap, isSubsetOf, isWildcard, otherNames } from "./names.ts";
import { milliseconds } from "./proto.ts";
import { isHttp } from "./protocol.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { retryPolicy } from "./retry-policy.ts";
import { unknownCluster } from "./route-destination.ts";
import { mostSpecificWildcard, type Scope } from "./scope.ts";
import { addressesFor, type MeshService, type ServicePort, unspecified } from "./services.ts";
import type { EgressListener } from "./sidecar-egress.ts";
import type { ResolvedVirtualService } from "./virtual-services.ts";
import type { World } from "./world.ts";

/** Largest body that a route may answer by itself. */
export const maxDirectResponseBytes = 1024 * 1024;

/** The routes of a sidecar's outbound listener: "80", or "host:port" for a port whose protocol is detected. */
export function sidecarRoutes(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  name: string,
): RouteConfiguration {
  const colon = name.lastIndexOf(":");
  const port = Number(name.slice(colon + 1));
  const only = colon < 0 ? undefined : name.slice(0, colon);
  const hosts = Number.isInteger(port) ? virtualHosts(world, scope, proxy, port) : noHosts;
  let known = tables.get(hosts);
  if (known === undefined) {
    known = new Map();
    tables.set(hosts, known);
  }
  const key = `${name} ${unknownCluster(scope)}`;
  let table = known.get(key);
  if (table === undefined) {
    table = routeTable(scope, hosts, name, only);
    known.set(key, table);
  }
  return table;
}

const noHosts: readonly VirtualHost[] = [];
/** Tables made from the same virtual hosts are the same for everybody. */
const tables = new WeakMap<readonly VirtualHost[], Map<string, RouteConfiguration>>();

function routeTable(
  scope: Scope,
  hosts: readonly VirtualHost[],
  name: string,
  only: string | undefined,
): RouteConfiguration {
  const chosen =
    only === undefined
      ? [...[...hosts].sort((a, b) => (a.name < b.name ? -1 : 1)), catchAll(scope)]
      : hosts
          .filter(({ domains }) => domains.includes(only) || domains.includes(name))
          .map((host) => create(VirtualHostSchema, { ...host, domains: ["*"] }));
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: only === undefined ? chosen : chosen.slice(0, 1),
    validateClusters: false,
    maxDirectResponseBodySizeBytes: maxDirectResponseBytes,
    ignorePortInHostMatching: true,
  });
}

interface Wrapper {
  readonly hosts: readonly string[];
  readonly services: readonly MeshService[];
  readonly routes: readonly Route[];
}

const cache = new WeakMap<Scope, Map<string, VirtualHost[]>>();
const defaults = new WeakMap<object, Memory<readonly Route[]>>();

/** Virtual hosts of one port. All proxies with the same view share them. */
function virtualHosts(world: World, scope: Scope, proxy: ProxyNode, port: number): VirtualHost[] {
  const { clusterId, dnsCapture, ipFamily, dnsDomain } = proxy;
  const key = [port, clusterId, dnsCapture, ipFamily, dnsDomain, sourceKey(scope, proxy)].join("\n");
  let made = cache.get(scope);
  if (made === undefined) {
    made = new Map();
    cache.set(scope, made);
  }
  let found = made.get(key);
  if (found === undefined) {
    found = makeVirtualHosts(world, scope, proxy, port);
    made.set(key, found);
  }
  return found;
}

/** The caller's labels, when some rule looks at them. */
function sourceKey(scope: Scope, proxy: ProxyNode): string {
  const looks = scope
    .virtualServicesFor("mesh")
    .some(({ http }) => http.some(({ match }) => match?.some((item) => item.sourceLabels !== undefined)));
  return looks ? JSON.stringify(Object.entries(proxy.labels).sort()) : "";
}

/** The egress listener that a port's routes belong to: one for this very port, else the one for all. */
function egressFor(scope: Scope, port: number): EgressListener | undefined {
  return (
    scope.egress.find((listener) => listener.port?.number === port) ??
    scope.egress.find((listener) => listener.port === undefined)
  );
}

function makeVirtualHosts(world: World, scope: Scope, proxy: ProxyNode, port: number): VirtualHost[] {
  const egress = egressFor(scope, port);
  if (egress === undefined) return [];
  if (egress.port?.protocol !== "http-proxy") return portHosts(world, scope, proxy, egress, port, false);
  // Clients of a proxy name the port beside the host: theirs are the hosts of all ports.
  const ports = new Set(egress.services.flatMap(({ ports: own }) => own.map((item) => item.port)));
  return [...ports]
    .sort((a, b) => a - b)
    .flatMap((each) => portHosts(world, scope, proxy, egress, each, true));
}

function portHosts(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  egress: EgressListener,
  port: number,
  namesPort: boolean,
): VirtualHost[] {
  const registry = new Map<string, MeshService>();
  for (const service of egress.services)
    if (service.resolution !== "alias" && service.ports.some((item) => item.port === port))
      registry.set(service.host, service);
  const rules = egress.virtualServices.filter((rule) => port === 80 || touches(rule, registry));
  const wrappers = rules.flatMap((rule) =>
    ruleWrapper(scope, proxy, rule, registry, egress.virtualServices, port),
  );
  for (const { services } of wrappers) for (const { host } of services) registry.delete(host);
  for (const service of registry.values()) {
    const servicePort = service.ports.find((item) => item.port === port);
    if (servicePort !== undefined && isRequestPort(servicePort)) {
      const routes = remember(memoryOf(defaults, service), String(port), world, scope, () => [
        defaultRoute(scope, service, servicePort),
      ]);
      wrappers.push({ hosts: [], services: [service], routes });
    }
  }
  return nameHosts(wrappers, proxy, port, namesPort);
}

const isRequestPort = ({ protocol }: ServicePort) => protocol === "" || isHttp(protocol);

function touches(rule: ResolvedVirtualService, registry: ReadonlyMap<string, MeshService>): boolean {
  return rule.hosts.some(
    (host) =>
      registry.has(host) ||
      [...registry.keys()].some(
        (service) => (isWildcard(host) || isWildcard(service)) && hostsOverlap(host, service),
      ),
  );
}

function ruleWrapper(
  scope: Scope,
  proxy: ProxyNode,
  rule: ResolvedVirtualService,
  registry: ReadonlyMap<string, MeshService>,
  all: readonly ResolvedVirtualService[],
  port: number,
): Wrapper[] {
  const routes = virtualServiceRoutes(rule, { scope, proxy, port, gateway: "mesh", isTls: false });
  if (routes.length === 0) return [];
  const hosts: string[] = [];
  const services: MeshService[] = [];
  for (const host of rule.hosts) {
    if (!isWildcard(host)) {
      const service = registry.get(host);
      if (service === undefined) hosts.push(host);
      else services.push(service);
      continue;
    }
    const matching = [...registry.values()].filter((service) => isSubsetOf(service.host, host));
    if (matching.length === 0) hosts.push(host);
    services.push(
      ...matching.filter(
        (service) =>
          (all.find(({ hosts: named }) => named.includes(service.host)) ??
            mostSpecificWildcard(all, service.host)) === rule,
      ),
    );
  }
  const usable = services.filter((service) =>
    service.ports.some((item) => item.port === port && isRequestPort(item)),
  );
  if (usable.length === 0 && port !== 80) return [];
  return [{ hosts, services: usable, routes }];
}

function defaultRoute(scope: Scope, service: MeshService, { port }: ServicePort): Route {
  const hash = hashPolicy(consistentHash(scope, { host: service.host, port: { number: port } }));
  const retry = retryPolicy(scope.rules.mesh.defaultHttpRetryPolicy, false);
  return create(RouteSchema, {
    name: "default",
    match: { pathSpecifier: { case: "prefix", value: "/" } },
    decorator: { operation: `${service.host}:${port}/*` },
    action: {
      case: "route",
      value: {
        clusterSpecifier: { case: "cluster", value: clusterName("outbound", "", service.host, port) },
        timeout: milliseconds(0),
        maxGrpcTimeout: milliseconds(0),
        ...(retry === undefined ? {} : { retryPolicy: retry }),
        hashPolicy: hash === undefined ? [] : [hash],
      },
    },
  });
}

/**
 * Gives every host its virtual host; a name that two of them claim stays with the first. With `namesPort` names
 * have their port, which only port 80 can do without.
 */
function nameHosts(
  wrappers: readonly Wrapper[],
  proxy: ProxyNode,
  port: number,
  namesPort: boolean,
): VirtualHost[] {
  const names = new Set<string>();
  const taken = new Set<string>();
  const known = new Set(wrappers.flatMap(({ services }) => services.map(({ host }) => host)));
  const made: VirtualHost[] = [];
  const add = (
    host: string,
    routes: readonly Route[],
    domains: readonly string[],
    others: readonly string[],
  ) => {
    const name = `${host}:${port}`;
    if (names.has(name)) return;
    names.add(name);
    const free = domains.filter(
      (domain) => !taken.has(domain.toLowerCase()) && !(others.includes(domain) && known.has(domain)),
    );
    for (const domain of free) taken.add(domain.toLowerCase());
    if (free.length === 0) return;
    const withPort = (domain: string) =>
      port === 80 ? [domain, `${domain}:${port}`] : [`${domain}:${port}`];
    made.push(virtualHost(name, namesPort ? free.flatMap(withPort) : free, routes));
  };
  for (const { hosts, services, routes } of wrappers) {
    for (const host of hosts) add(host, routes, [host], []);
    for (const service of services) {
      const others = new Map(
        [service.host, ...service.aliases].map((host) => [host, otherNames(host, proxy.dnsDomain)]),
      );
      const domains = [...others].flatMap(([host, short]) => [host, ...short]);
      add(service.host, routes, serviceDomains(service, domains, proxy), [...others.values()].flat());
    }
  }
  return made;
}

const single = new WeakMap<Route, Map<string, VirtualHost>>();

/** A virtual host; with one route only, as most have, the same one as long as route and domains are. */
function virtualHost(name: string, domains: readonly string[], routes: readonly Route[]): VirtualHost {
  const make = () =>
    create(VirtualHostSchema, {
      name,
      domains: [...domains],
      routes: [...routes],
      includeRequestAttemptCount: true,
    });
  const [route] = routes;
  if (route === undefined || routes.length > 1) return make();
  let known = single.get(route);
  if (known === undefined) {
    known = new Map();
    single.set(route, known);
  }
  const key = [name, ...domains].join(" ");
  let host = known.get(key);
  if (host === undefined) {
    host = make();
    known.set(key, host);
  }
  return host;
}

function serviceDomains(service: MeshService, names: readonly string[], proxy: ProxyNode): string[] {
  const domains = [...names];
  if (service.resolution === "passthrough" && service.registry === "Kubernetes")
    domains.push(...domains.map((domain) => `*.${domain}`));
  for (const address of addressesFor(service, proxy)) {
    if (address !== unspecified) domains.push(address.includes(":") ? `[${address}]` : address);
  }
  return domains;
}

/** What happens to requests for hosts that the mesh doesn't know. */
function catchAll(scope: Scope): VirtualHost {
  const cluster = unknownCluster(scope);
  const allows = cluster !== undefined;
  const name = allows ? "allow_any" : "block_all";
  return create(VirtualHostSchema, {
    name,
    domains: ["*"],
    includeRequestAttemptCount: true,
    routes: [
      {
        name,
        match: { pathSpecifier: { case: "prefix", value: "/" } },
        action: allows
          ? {
              case: "route",
              value: {
                clusterSpecifier: { case: "cluster", value: cluster },
                timeout: milliseconds(0),
                maxGrpcTimeout: milliseconds(0),
              },
            }
          : { case: "directResponse", value: { status: 502 } },
      },
    ],
  });
}
