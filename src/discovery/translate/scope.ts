import type { Destination, Sidecar } from "./config-types.ts";
import { noteRead, noting, unnoted } from "./dependencies.ts";
import type { MergedRule } from "./destination-rules.ts";
import { preferOwn, unionOfServices } from "./merge-services.ts";
import { isSubsetOf, isWildcard } from "./names.ts";
import { selects } from "./objects.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Rules } from "./rules.ts";
import type { MeshService } from "./services.ts";
import { type EgressListener, sidecarEgress } from "./sidecar-egress.ts";
import type { ResolvedVirtualService } from "./virtual-services.ts";
import { isVisibleIn } from "./visibility.ts";

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
  /** Where connections go that the mesh knows nothing of, instead of where they were meant to. */
  readonly egressProxy: Destination | undefined;
  service(host: string): MeshService | undefined;
  /** Whether proxies have a cluster for a port of a host. */
  reaches(host: string, port: number): boolean;
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
      ? [{ services: visible, virtualServices: meshVirtual, reached: [] }]
      : sidecarEgress(sidecar, namespace, visible, meshVirtual);
  // Those that are imported before those that rules lead to.
  const services = unionOfServices(
    egress.flatMap((listener) =>
      listener.reached.length === 0 ? [listener.services] : [listener.services, listener.reached],
    ),
  );
  const byHost = new Map(visible.map((service) => [service.host, service]));
  const outbound = sidecar?.spec.outboundTrafficPolicy;
  let reached: ReadonlySet<string> | undefined;
  const chosen = new Map<string, MergedRule | undefined>();
  const virtualByGateway = new Map<string, readonly ResolvedVirtualService[]>([["mesh", meshVirtual]]);
  const facts: Pick<Scope, "services" | "egress" | "sidecar" | "outboundTrafficPolicy" | "egressProxy"> = {
    services,
    egress,
    sidecar,
    outboundTrafficPolicy:
      outbound === undefined
        ? mesh.outboundTrafficPolicy
        : outbound.mode === "ALLOW_ANY"
          ? "ALLOW_ANY"
          : "REGISTRY_ONLY",
    egressProxy: outbound?.mode === "ALLOW_ANY" ? outbound.egressProxy : undefined,
  };
  const noted: typeof facts = Object.create(noting("scope", facts, (_, scope) => scope));
  return Object.assign(noted, {
    rules,
    namespace,
    service: (host: string) =>
      noteRead(`service ${host}`, byHost.get(host), (_, scope) => scope.service(host)),
    reaches(host: string, port: number) {
      reached ??= new Set(
        services.flatMap((service) =>
          service.ports.flatMap((of) => (of.protocol === "udp" ? [] : [`${service.host}:${of.port}`])),
        ),
      );
      return noteRead(`reaches ${host}:${port}`, reached.has(`${host}:${port}`), (_, scope) =>
        scope.reaches(host, port),
      );
    },
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
      return noteRead(`virtual services ${gateway}`, found, (_, scope) => scope.virtualServicesFor(gateway));
    },
  });
}

/** The items that pass; the list itself when all of them do, so that it stays the same as long as it is. */
function thoseOf<T>(list: readonly T[], passes: (item: T) => boolean): readonly T[] {
  return list.every(passes) ? list : list.filter(passes);
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
