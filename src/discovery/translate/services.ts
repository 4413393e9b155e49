import type { Service as KubeService } from "../../kube/index.ts";
import type { ServiceEntry } from "./config-types.ts";
import { isIp } from "./names.ts";
import { serviceHost, type WorldObjects } from "./objects.ts";
import { type Protocol, parseProtocol, servicePortProtocol } from "./protocol.ts";

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Of the first cluster that has the Service; number or name. */
  readonly targetPort: number | string;
}

/** How proxies find the endpoints of a service: by EDS, by DNS, or by the address that the client dialled. */
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
  readonly externalName?: string;
  readonly created: string;
  readonly publishNotReady: boolean;
  /** Identities ("spiffe://…") that a ServiceEntry names for its endpoints. */
  readonly subjectAltNames: readonly string[];
}

export const unspecified = "0.0.0.0";

/** All services of the mesh, oldest first, then by name: the order that Istio gives listeners and chains. */
export function collectServices(objects: WorldObjects): readonly MeshService[] {
  const merged = new Map<string, MeshService>();
  const order = [
    objects.primary,
    ...[...objects.clusters.keys()].filter((id) => id !== objects.primary).sort(),
  ];
  for (const id of order) {
    for (const service of objects.clusters.get(id)?.services.values() ?? []) {
      const host = serviceHost(service.metadata.name, service.metadata.namespace ?? "");
      const before = merged.get(host);
      const made = kubernetesService(host, id, service);
      merged.set(host, before === undefined ? made : mergeService(before, made, id));
    }
  }
  const services = [...merged.values()];
  for (const entry of objects.config.serviceEntries.values()) services.push(...entryServices(entry));
  return services.sort(byAge);
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
    resolution: isExternalName ? "dns" : isHeadless ? "passthrough" : "endpoints",
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
    ...(isExternalName && spec.externalName !== undefined ? { externalName: spec.externalName } : {}),
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
  const hasAddresses = (spec.addresses ?? []).length > 0;
  return (spec.hosts ?? []).map((written) => {
    const host = written.toLowerCase();
    const allocated = hasAddresses
      ? []
      : (status?.addresses ?? []).flatMap(({ value, host: of }) =>
          value !== undefined && (of === undefined || of === written) ? [value] : [],
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
      created: metadata.creationTimestamp ?? "",
      publishNotReady: false,
      subjectAltNames: spec.subjectAltNames ?? [],
    };
  });
}

function withoutFullMask(address: string): string {
  const [base = "", bits] = address.split("/");
  return bits === "32" || bits === "128" ? base : address;
}

/** The addresses under which a client in `clusterId` dials the service; ["0.0.0.0"] when it has none. */
export function addressesFor(service: MeshService, clusterId: string): readonly string[] {
  const own = service.clusterAddresses.get(clusterId);
  if (own !== undefined && own.length > 0) return own;
  const first = service.addresses[0] ?? unspecified;
  if (first === unspecified && service.allocated.length > 0) return service.allocated;
  return service.addresses;
}

/** The first IPv4 address, if any, else the first one. */
export function listenAddress(service: MeshService, clusterId: string): string {
  const addresses = addressesFor(service, clusterId);
  return addresses.find((address) => isIp(address) && !address.includes(":")) ?? addresses[0] ?? unspecified;
}
