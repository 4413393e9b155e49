import {
  type Service as KubeService,
  type Protocol,
  parseProtocol,
  servicePortProtocol,
} from "../../kube/index.ts";
import type { ServiceEntry } from "./config-types.ts";
import type { IsDiscovered } from "./discovered-namespaces.ts";
import { serviceHost, type WorldObjects } from "./objects.ts";
import type { ProxyNode } from "./proxy-node.ts";

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Of the first cluster that has the Service; number or name. */
  readonly targetPort: number | string;
}

/**
 * How proxies find the endpoints of a service: by EDS, by DNS, or by the address that the client dialled. An alias
 * (a Service of type ExternalName) is only another name of a service of the mesh, or of nothing that the mesh knows.
 */
export type Resolution = "endpoints" | "dns" | "dns-round-robin" | "passthrough" | "alias";

/** A host of the mesh: a Kubernetes Service merged over all clusters that have it, or a host of a ServiceEntry. */
export interface MeshService {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
  readonly registry: "Kubernetes" | "External";
  readonly ports: readonly ServicePort[];
  readonly resolution: Resolution;
  readonly isExternal: boolean;
  /** ClusterIPs by cluster. */
  readonly clusterAddresses: ReadonlyMap<string, readonly string[]>;
  /** Addresses for proxies whose cluster has none of its own; "0.0.0.0" for a host without address. */
  readonly addresses: readonly string[];
  /** Assigned by the control plane to a ServiceEntry without addresses. */
  readonly allocated: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly selector?: Readonly<Record<string, string>>;
  /** Namespaces that may see it: "*", "." or names; empty: mesh default. */
  readonly exportTo: readonly string[];
  readonly trafficDistribution?: "zone" | "node";
  /** What an alias stands for. */
  readonly externalName?: string;
  /** Hosts of the aliases that stand for this service, directly or through other aliases; sorted. */
  readonly aliases: readonly string[];
  readonly created: string;
  readonly publishNotReady: boolean;
  /** Identities ("spiffe://…") that a ServiceEntry names for its endpoints. */
  readonly subjectAltNames: readonly string[];
}

export const unspecified = "0.0.0.0";

/** All services of the mesh, oldest first, then by name: the order that Istio gives listeners and chains. */
export function collectServices(
  objects: WorldObjects,
  isDiscovered: IsDiscovered = () => true,
): readonly MeshService[] {
  const merged = new Map<string, MeshService>();
  const order = [
    objects.primary,
    ...[...objects.clusters.keys()].filter((id) => id !== objects.primary).sort(),
  ];
  for (const id of order) {
    for (const service of objects.clusters.get(id)?.services.values() ?? []) {
      if (!isDiscovered(id, service.metadata.namespace ?? "")) continue;
      const host = serviceHost(service.metadata.name, service.metadata.namespace ?? "");
      const before = merged.get(host);
      const made = kept(fromService, service, id, () => kubernetesService(host, id, service));
      merged.set(
        host,
        before === undefined ? made : kept(fromBoth, before, made, () => mergeService(before, made, id)),
      );
    }
  }
  const services = [...merged.values()];
  for (const entry of objects.config.serviceEntries.values())
    services.push(...kept(fromEntry, entry, "", () => entryServices(entry)));
  return withAliases(services.sort(byAge));
}

/** Gives every service the names of the aliases that lead to it. Aliases in a circle lead nowhere. */
function withAliases(services: readonly MeshService[]): readonly MeshService[] {
  const targets = new Map<string, string>();
  for (const { host, externalName } of services)
    if (externalName !== undefined) targets.set(host, externalName);
  if (targets.size === 0) return services;
  const aliases = new Map<string, string[]>();
  for (const alias of [...targets.keys()].sort()) {
    const seen = new Set<string>();
    let concrete = alias;
    for (
      let next = targets.get(concrete);
      next !== undefined && !seen.has(next);
      next = targets.get(concrete)
    ) {
      seen.add(next);
      concrete = next;
    }
    if (targets.has(concrete)) continue;
    aliases.set(concrete, [...(aliases.get(concrete) ?? []), alias]);
  }
  return services.map((service) => {
    const own = aliases.get(service.host);
    return own === undefined
      ? service
      : kept(fromAliases, service, own.join(), () => ({ ...service, aliases: own }));
  });
}

/** Services by what they were made from: as long as that is the same, they stay the same objects. */
const fromService = new WeakMap<object, Map<unknown, MeshService>>();
const fromBoth = new WeakMap<object, Map<unknown, MeshService>>();
const fromAliases = new WeakMap<object, Map<unknown, MeshService>>();
const fromEntry = new WeakMap<object, Map<unknown, MeshService[]>>();

function kept<T>(memory: WeakMap<object, Map<unknown, T>>, source: object, other: unknown, make: () => T): T {
  const known = memory.get(source)?.get(other);
  if (known !== undefined) return known;
  const made = make();
  memory.set(source, new Map([[other, made]]));
  return made;
}

function byAge(a: MeshService, b: MeshService): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  const [left, right] = [`${a.name}.${a.namespace}`, `${b.name}.${b.namespace}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

function kubernetesService(host: string, clusterId: string, service: KubeService): MeshService {
  const { spec, metadata } = service;
  const isHeadless = spec.clusterIP === "None";
  const isExternalName = spec.type === "ExternalName";
  const addresses =
    isHeadless || isExternalName
      ? []
      : (spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]));
  const own = addresses.filter((address) => address !== "" && address !== "None");
  const annotations = metadata.annotations ?? {};
  const distribution = spec.trafficDistribution ?? annotations["networking.istio.io/traffic-distribution"];
  const exportTo = annotations["networking.istio.io/exportTo"];
  return {
    host,
    name: metadata.name,
    namespace: metadata.namespace ?? "",
    registry: "Kubernetes",
    ports: (spec.ports ?? []).map((port) => ({
      name: port.name ?? "",
      port: port.port,
      protocol: servicePortProtocol(port),
      targetPort: port.targetPort ?? port.port,
    })),
    resolution: isExternalName ? "alias" : isHeadless ? "passthrough" : "endpoints",
    isExternal: isExternalName,
    clusterAddresses: new Map([[clusterId, own]]),
    addresses: own.length > 0 ? own : [unspecified],
    allocated: [],
    labels: metadata.labels ?? {},
    annotations,
    ...(spec.selector === undefined ? {} : { selector: spec.selector }),
    exportTo: exportTo === undefined ? [] : exportTo.split(",").map((name) => name.trim()),
    ...(distribution === "PreferClose" || distribution === "PreferSameZone"
      ? { trafficDistribution: "zone" as const }
      : distribution === "PreferSameNode"
        ? { trafficDistribution: "node" as const }
        : {}),
    ...(isExternalName && spec.externalName !== undefined
      ? { externalName: spec.externalName.toLowerCase().replace(/\.$/, "") }
      : {}),
    aliases: [],
    created: metadata.creationTimestamp ?? "",
    publishNotReady: spec.publishNotReadyAddresses === true,
    subjectAltNames: [],
  };
}

function mergeService(first: MeshService, other: MeshService, clusterId: string): MeshService {
  const addresses = new Map(first.clusterAddresses).set(
    clusterId,
    other.clusterAddresses.get(clusterId) ?? [],
  );
  return { ...first, clusterAddresses: addresses };
}

function entryServices(entry: ServiceEntry): MeshService[] {
  const { spec, metadata, status } = entry;
  const resolutions: Readonly<Record<string, Resolution>> = {
    STATIC: "endpoints",
    DNS: "dns",
    DNS_ROUND_ROBIN: "dns-round-robin",
  };
  const isAllocated = getsAddresses(entry);
  return (spec.hosts ?? []).map((written) => {
    const host = written.toLowerCase();
    const allocated = !isAllocated
      ? []
      : (status?.addresses ?? []).flatMap(({ value, host: of }) =>
          value !== undefined && of === written ? [value] : [],
        );
    const addresses = (spec.addresses ?? []).map(withoutFullMask);
    return {
      host,
      name: host,
      namespace: metadata.namespace ?? "",
      registry: "External" as const,
      ports: (spec.ports ?? []).map((port) => ({
        name: port.name ?? "",
        port: port.number,
        protocol: parseProtocol(port.protocol),
        targetPort: port.targetPort ?? port.number,
      })),
      resolution: resolutions[spec.resolution ?? "NONE"] ?? "passthrough",
      isExternal: spec.location !== "MESH_INTERNAL",
      clusterAddresses: new Map(),
      addresses: addresses.length > 0 ? addresses : [unspecified],
      allocated,
      labels: metadata.labels ?? {},
      annotations: metadata.annotations ?? {},
      ...(spec.workloadSelector?.labels === undefined ? {} : { selector: spec.workloadSelector.labels }),
      exportTo: spec.exportTo ?? [],
      aliases: [],
      created: metadata.creationTimestamp ?? "",
      publishNotReady: false,
      subjectAltNames: spec.subjectAltNames ?? [],
    };
  });
}

/** Whether the control plane gives a ServiceEntry's hosts addresses: they have none, and could use them. */
export function getsAddresses({ spec, metadata }: ServiceEntry): boolean {
  if ((spec.addresses ?? []).length > 0) return false;
  if (metadata.labels?.["networking.istio.io/enable-autoallocate-ip"]?.toLowerCase() === "false")
    return false;
  return spec.resolution !== undefined && spec.resolution !== "NONE";
}

function withoutFullMask(address: string): string {
  const [base = "", bits] = address.split("/");
  return bits === "32" || bits === "128" ? base : address;
}

type Client = Pick<ProxyNode, "clusterId" | "dnsCapture" | "ipFamily">;

/**
 * The addresses under which a proxy's client dials the service; ["0.0.0.0"] when it has none. Those that the control
 * plane allocated count only where names are answered beside the proxy: nobody else would hand them out.
 */
export function addressesFor(service: MeshService, client: Client): readonly string[] {
  const reachable = (addresses: readonly string[]) =>
    client.ipFamily === "dual"
      ? addresses
      : addresses.filter((address) => address.includes(":") === (client.ipFamily === "v6"));
  const own = reachable(service.clusterAddresses.get(client.clusterId) ?? []);
  if (own.length > 0) return own;
  const first = service.addresses[0] ?? unspecified;
  const allocated = first === unspecified && client.dnsCapture ? reachable(service.allocated) : [];
  if (allocated.length > 0) return allocated;
  if (service.clusterAddresses.size === 0 || first === unspecified) return service.addresses;
  return reachable(service.addresses);
}
