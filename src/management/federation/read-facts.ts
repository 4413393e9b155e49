import {
  exportsAnnotation,
  type KubeObject,
  type Namespace,
  type Node,
  networkLabel,
  type Pod,
  type Service,
  systemNamespace,
} from "../../kube/index.ts";
import type {
  ClusterFacts,
  CrossNetworkGateway,
  FederatedCluster,
  ServiceEntry,
  ServiceExport,
} from "./contracts.ts";

const gatewayPortLabel = "networking.istio.io/gatewayPort";
const defaultGatewayPort = 15_443;

/** The objects of one cluster that federation looks at. */
export interface ClusterObjects {
  readonly namespaces: readonly Namespace[];
  readonly nodes: readonly Node[];
  readonly services: readonly Service[];
  readonly pods: readonly Pod[];
  readonly exports: readonly KubeObject[];
  readonly serviceEntries: readonly KubeObject[];
}

/** What these objects say of the cluster. Pure. */
export function readFacts(
  { name, primary }: FederatedCluster,
  objects: ClusterObjects,
  { isKnown, trustDomain }: Pick<ClusterFacts, "isKnown" | "trustDomain">,
): ClusterFacts {
  const { namespaces, nodes, pods, services } = objects;
  const system = namespaces.find(({ metadata }) => metadata.name === systemNamespace);
  return {
    name,
    primary,
    isKnown,
    network: system?.metadata.labels?.[networkLabel],
    locality: localityOf(nodes),
    gateway: gatewayOf(services),
    exports: objects.exports as readonly ServiceExport[],
    exportedNamespaces: namespaces
      .filter(({ metadata }) => metadata.annotations?.[exportsAnnotation] === "*")
      .map(({ metadata }) => metadata.name),
    services,
    trustDomain,
    pods,
    serviceEntries: objects.serviceEntries as readonly ServiceEntry[],
  };
}

/** Region and zone in which the cluster's nodes are; only the region when they are in several zones. */
function localityOf(nodes: readonly Node[]): string | undefined {
  const labelled = (label: string) => new Set(nodes.map(({ metadata }) => metadata.labels?.[label] ?? ""));
  const regions = [...labelled("topology.kubernetes.io/region")];
  const zones = [...labelled("topology.kubernetes.io/zone")];
  const [[region = ""], [zone = ""]] = [regions, zones];
  if (regions.length !== 1 || region === "") return undefined;
  return zones.length === 1 && zone !== "" ? `${region}/${zone}` : region;
}

/** As istiod finds the gateways of a network: by the label on their Service, which must have the port. */
function gatewayOf(services: readonly Service[]): CrossNetworkGateway | undefined {
  const found = services
    .filter(({ metadata }) => metadata.labels?.[networkLabel] !== undefined)
    .map((service) => ({ service, port: gatewayPort(service) }))
    .filter(({ service, port }) => service.spec.ports?.some((one) => one.port === port))
    .sort((a, b) => (a.service.metadata.name < b.service.metadata.name ? -1 : 1))[0];
  if (found === undefined) return undefined;
  const { spec, status } = found.service;
  const ingress = status?.loadBalancer?.ingress ?? [];
  return {
    addresses: [...ingress.flatMap(({ ip, hostname }) => ip ?? hostname ?? []), ...(spec.externalIPs ?? [])],
    port: found.port,
    selector: spec.selector ?? {},
  };
}

function gatewayPort({ metadata }: Service): number {
  const port = Number(metadata.labels?.[gatewayPortLabel]);
  return Number.isInteger(port) && port > 0 ? port : defaultGatewayPort;
}
