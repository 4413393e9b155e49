import type { Sidecar } from "./config-types.ts";
import { noteRead, noting, unnoted } from "./dependencies.ts";
import type { MergedRule } from "./destination-rules.ts";
import { hostsOverlap, isSubsetOf, isWildcard } from "./names.ts";
import { selects } from "./objects.ts";
import { type Protocol, parseProtocol } from "./protocol.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Rules } from "./rules.ts";
import type { MeshService } from "./services.ts";
import type { ResolvedVirtualService } from "./virtual-services.ts";
import { isVisibleIn } from "./visibility.ts";

/** What clients behind one egress listener may call: all ports when `port` is missing. */
export interface EgressListener {
  readonly port?: { readonly number: number; readonly protocol: Protocol; readonly name: string };
  readonly bind?: string;
  readonly services: readonly MeshService[];
  readonly virtualServices: readonly ResolvedVirtualService[];
}

/**
 * The part of the mesh that proxies of one namespace (with the same Sidecar resource) see. Shared by all of
 * them, so that what is made from it can be kept beside it.
 */
export interface Scope {
  readonly rules: Rules;
  readonly namespace: string;
  readonly services: readonly MeshService[];
  readonly egress: readonly EgressListener[];
  readonly sidecar: Sidecar | undefined;
  readonly outboundTrafficPolicy: "ALLOW_ANY" | "REGISTRY_ONLY";
  service(host: string): MeshService | undefined;
  destinationRule(service: { readonly host: string; readonly namespace: string }): MergedRule | undefined;
  /** VirtualServices that are bound to a gateway ("namespace/name") and visible here. */
  virtualServicesFor(gateway: string): readonly ResolvedVirtualService[];
}

const scopes = new WeakMap<Rules, Map<string, Scope>>();

/** The scope of a proxy. The same one as long as the rules are the same. */
export function scopeOf(rules: Rules, proxy: ProxyNode): Scope {
  const sidecar = proxy.type === "sidecar" ? sidecarFor(rules, proxy) : undefined;
  const labels = rules.destinationRules.hasSelectors
    ? JSON.stringify(Object.entries(proxy.labels).sort())
    : "";
  const key = `${proxy.namespace}\n${sidecar?.metadata.namespace}/${sidecar?.metadata.name}\n${labels}`;
  let known = scopes.get(rules);
  if (known === undefined) {
    known = new Map();
    scopes.set(rules, known);
  }
  let scope = known.get(key);
  if (scope === undefined) {
    scope = makeScope(rules, proxy, sidecar);
    known.set(key, scope);
  }
  return scope;
}

/** The Sidecar that picks the proxy by labels, else its namespace's general one, else the root namespace's. */
function sidecarFor(rules: Rules, proxy: ProxyNode): Sidecar | undefined {
  const of = (namespace: string) => rules.sidecars.filter(({ metadata }) => metadata.namespace === namespace);
  const own = of(proxy.namespace);
  const isGeneral = ({ spec }: Sidecar) => Object.keys(spec.workloadSelector?.labels ?? {}).length === 0;
  return (
    own.find(({ spec }) => selects(spec.workloadSelector?.labels, proxy.labels)) ??
    own.find(isGeneral) ??
    of(rules.mesh.rootNamespace).find(isGeneral)
  );
}

function makeScope(rules: Rules, proxy: ProxyNode, sidecar: Sidecar | undefined): Scope {
  const { namespace, labels } = proxy;
  const { mesh } = rules;
  const visible = preferOwn(
    thoseOf(rules.services, (service) =>
      isVisibleIn(service.exportTo, mesh.defaultServiceExportTo, service.namespace, namespace),
    ),
    namespace,
  );
  const visibleVirtual = thoseOf(rules.virtualServices, ({ exportTo, namespace: owner }) =>
    isVisibleIn(exportTo, mesh.defaultVirtualServiceExportTo, owner, namespace),
  );
  const meshVirtual = thoseOf(visibleVirtual, ({ gateways }) => gateways.has("mesh"));
  const egress =
    sidecar?.spec.egress === undefined || sidecar.spec.egress.length === 0
      ? [{ services: visible, virtualServices: meshVirtual }]
      : sidecarEgress(sidecar, namespace, visible, meshVirtual);
  const services =
    egress.length === 1
      ? (egress[0]?.services ?? [])
      : [...new Set(egress.flatMap((listener) => listener.services))];
  const byHost = new Map(visible.map((service) => [service.host, service]));
  const chosen = new Map<string, MergedRule | undefined>();
  const virtualByGateway = new Map<string, readonly ResolvedVirtualService[]>([["mesh", meshVirtual]]);
  const facts: Pick<Scope, "services" | "egress" | "sidecar" | "outboundTrafficPolicy"> = {
    services,
    egress,
    sidecar,
    outboundTrafficPolicy:
      sidecar?.spec.outboundTrafficPolicy === undefined
        ? mesh.outboundTrafficPolicy
        : sidecar.spec.outboundTrafficPolicy.mode === "ALLOW_ANY"
          ? "ALLOW_ANY"
          : "REGISTRY_ONLY",
  };
  return Object.assign(
    noting("scope", facts, (_, scope) => scope),
    {
      rules,
      namespace,
      service: (host: string) =>
        noteRead(`service ${host}`, byHost.get(host), (_, scope) => scope.service(host)),
      destinationRule(service: { readonly host: string; readonly namespace: string }) {
        if (!chosen.has(service.host))
          chosen.set(
            service.host,
            unnoted(() => rules.destinationRules.ruleFor(namespace, labels, service)),
          );
        return noteRead(`rule ${service.host}`, chosen.get(service.host), (_, scope) =>
          scope.destinationRule(service),
        );
      },
      virtualServicesFor(gateway: string) {
        let found = virtualByGateway.get(gateway);
        if (found === undefined) {
          found = visibleVirtual.filter(({ gateways }) => gateways.has(gateway));
          virtualByGateway.set(gateway, found);
        }
        return noteRead(`virtual services ${gateway}`, found, (_, scope) =>
          scope.virtualServicesFor(gateway),
        );
      },
    },
  );
}

/** The items that pass; the list itself when all of them do, so that it stays the same as long as it is. */
function thoseOf<T>(list: readonly T[], passes: (item: T) => boolean): readonly T[] {
  return list.every(passes) ? list : list.filter(passes);
}

/**
 * One service a host: a Kubernetes Service before a ServiceEntry, one of the own namespace before others, else the
 * oldest. ServiceEntries of one namespace that say the same but for ports and addresses are one service.
 */
function preferOwn(services: readonly MeshService[], namespace: string): readonly MeshService[] {
  const rank = (service: MeshService) =>
    (service.registry === "Kubernetes" ? 2 : 0) + (service.namespace === namespace ? 1 : 0);
  const best = new Map<string, MeshService>();
  for (const service of services) {
    const known = best.get(service.host);
    if (known === undefined || rank(service) > rank(known)) best.set(service.host, service);
  }
  if (best.size === services.length) return services;
  const merged = new Map<string, MeshService>();
  for (const service of services) {
    const first = best.get(service.host);
    if (first === undefined || (first !== service && !isSameEntry(first, service))) continue;
    const before = merged.get(service.host);
    merged.set(service.host, before === undefined ? service : mergeEntries(before, service));
  }
  return [...merged.values()];
}

function isSameEntry(a: MeshService, b: MeshService): boolean {
  const identity = ({ registry, namespace, resolution, labels, selector, exportTo }: MeshService) =>
    JSON.stringify([
      registry,
      namespace,
      resolution,
      Object.entries(labels).sort(),
      Object.entries(selector ?? {}).sort(),
      [...exportTo].sort(),
    ]);
  return a.registry === "External" && identity(a) === identity(b);
}

function mergeEntries(first: MeshService, other: MeshService): MeshService {
  const ports = other.ports.filter(({ port }) => first.ports.every((known) => known.port !== port));
  const addresses = other.addresses.filter((address) => !first.addresses.includes(address));
  const allocated = other.allocated.filter((address) => !first.allocated.includes(address));
  return {
    ...first,
    ports: [...first.ports, ...ports],
    addresses: [...first.addresses, ...addresses],
    allocated: [...first.allocated, ...allocated],
  };
}

function sidecarEgress(
  sidecar: Sidecar,
  namespace: string,
  visible: readonly MeshService[],
  virtual: readonly ResolvedVirtualService[],
): EgressListener[] {
  return (sidecar.spec.egress ?? []).map(({ port, bind, hosts = [] }) => {
    const imports = hosts.map((written) => {
      const slash = written.indexOf("/");
      const of = slash < 0 ? "*" : written.slice(0, slash);
      return { namespace: of === "." ? namespace : of, host: written.slice(slash + 1) };
    });
    const isImported = (owner: string, host: string) =>
      imports.some(
        (item) =>
          (item.namespace === "*" || item.namespace === owner) &&
          (item.host === "*" || isSubsetOf(host, item.host)),
      );
    const virtualServices = virtual.filter((rule) =>
      rule.hosts.some((host) =>
        imports.some(
          (item) =>
            (item.namespace === "*" || item.namespace === rule.namespace) &&
            (item.host === "*" || hostsOverlap(host, item.host)),
        ),
      ),
    );
    const reached = new Set(virtualServices.flatMap(destinationHosts));
    const services = visible.filter(
      (service) =>
        (isImported(service.namespace, service.host) || reached.has(service.host)) &&
        (port === undefined ||
          service.ports.some((item) => item.port === port.number) ||
          reached.has(service.host)),
    );
    return {
      ...(port === undefined
        ? {}
        : { port: { number: port.number, protocol: parseProtocol(port.protocol), name: port.name ?? "" } }),
      ...(bind === undefined || bind === "" ? {} : { bind }),
      services: port === undefined ? services : services.map((service) => onlyPort(service, port.number)),
      virtualServices,
    };
  });
}

function onlyPort(service: MeshService, port: number): MeshService {
  const ports = service.ports.filter((item) => item.port === port);
  return ports.length === 0 || ports.length === service.ports.length ? service : { ...service, ports };
}

function destinationHosts(rule: ResolvedVirtualService): string[] {
  return [
    ...rule.http.flatMap((route) => [
      ...(route.route ?? []).map(({ destination }) => destination.host),
      ...(route.mirror === undefined ? [] : [route.mirror.host]),
      ...(route.mirrors ?? []).flatMap(({ destination }) =>
        destination === undefined ? [] : [destination.host],
      ),
    ]),
    ...rule.tls.flatMap((route) => (route.route ?? []).map(({ destination }) => destination.host)),
    ...rule.tcp.flatMap((route) => (route.route ?? []).map(({ destination }) => destination.host)),
  ];
}

/** For each wildcard host of VirtualServices, which one has the most specific claim on a service. */
export function mostSpecificWildcard(
  virtualServices: readonly ResolvedVirtualService[],
  host: string,
): ResolvedVirtualService | undefined {
  let best: { readonly rule: ResolvedVirtualService; readonly length: number } | undefined;
  for (const rule of virtualServices) {
    for (const written of rule.hosts) {
      if (!isWildcard(written) || !isSubsetOf(host, written)) continue;
      if (best === undefined || written.length > best.length) best = { rule, length: written.length };
    }
  }
  return best?.rule;
}
