import { networkLabel, type Service } from "../../kube/index.ts";
import type { MeshNetworks } from "./mesh-config.ts";
import { isIp } from "./names.ts";
import { type ClusterObjects, serviceHost, type WorldObjects } from "./objects.ts";

/** A way into a network from outside: one address of an east-west gateway. */
export interface NetworkGateway {
  readonly network: string;
  /** Cluster of the gateway; "" when it was named by address. */
  readonly clusterId: string;
  readonly address: string;
  readonly port: number;
}

/** All east-west gateways, by network. */
export interface NetworkGateways {
  readonly isMultiNetwork: boolean;
  /** What endpoint weights are multiplied by, so that they divide evenly among any network's gateways. */
  readonly weightFactor: number;
  /** Gateways of a network in `clusterId`, or all of that network when that cluster has none. Sorted. */
  gatewaysFor(network: string, clusterId: string): readonly NetworkGateway[];
  readonly all: readonly NetworkGateway[];
  /**
   * Whether a network has a gateway and no gateway of it has an address yet: its endpoints can't be reached from other
   * networks until then. Of a network that nothing declares a gateway for this is false.
   */
  isWaiting(network: string): boolean;
  /** Host names by which gateways are given, sorted. */
  readonly hostNames: readonly string[];
  /** The same set always has the same key. */
  readonly key: string;
}

/** Network of an address in a cluster: by the workload's label, else its cluster's, else by meshNetworks. */
export type NetworkOf = (
  clusterId: string | undefined,
  address: string,
  labels: Readonly<Record<string, string>>,
) => string;

const defaultGatewayPort = 15443;

export function createNetworkOf(objects: WorldObjects, networks: MeshNetworks): NetworkOf {
  const ofCluster = new Map<string, string>();
  for (const [id, cluster] of objects.clusters) {
    const label = cluster.namespaces.get(objects.systemNamespace)?.metadata.labels?.[networkLabel];
    if (label !== undefined) ofCluster.set(id, label);
  }
  const ofRegistry = new Map<string, string>();
  const ranges: { readonly network: string; readonly base: number; readonly bits: number }[] = [];
  for (const [network, settings] of Object.entries(networks.networks ?? {})) {
    for (const { fromRegistry, fromCidr } of settings?.endpoints ?? []) {
      if (fromRegistry !== undefined && !ofRegistry.has(fromRegistry)) ofRegistry.set(fromRegistry, network);
      const range = fromCidr === undefined ? undefined : parseRange(fromCidr);
      if (range !== undefined) ranges.push({ network, ...range });
    }
  }
  ranges.sort((a, b) => b.bits - a.bits);
  return (clusterId, address, labels) => {
    const own =
      labels[networkLabel] ??
      (clusterId === undefined ? undefined : (ofCluster.get(clusterId) ?? ofRegistry.get(clusterId)));
    if (own !== undefined) return own;
    const number = ranges.length === 0 ? undefined : ipv4Number(address);
    if (number === undefined) return "";
    return (
      ranges.find(({ base, bits }) => bits === 0 || number >>> (32 - bits) === base >>> (32 - bits))
        ?.network ?? ""
    );
  };
}

function ipv4Number(address: string): number | undefined {
  const parts = address.split(".");
  if (parts.length !== 4) return undefined;
  let number = 0;
  for (const part of parts) {
    const octet = Number(part);
    if (!/^\d{1,3}$/.test(part) || octet > 255) return undefined;
    number = number * 256 + octet;
  }
  return number;
}

function parseRange(cidr: string): { readonly base: number; readonly bits: number } | undefined {
  const [address = "", bits = ""] = cidr.split("/");
  const base = ipv4Number(address);
  return base === undefined || !/^\d{1,2}$/.test(bits) || Number(bits) > 32
    ? undefined
    : { base, bits: Number(bits) };
}

/**
 * Gateways as Services declare them (label topology.istio.io/network) and as meshNetworks names them. A host name
 * stands for the addresses that were found for it, none at first.
 */
export function collectNetworkGateways(objects: WorldObjects, networks: MeshNetworks): NetworkGateways {
  const found = new Map<string, NetworkGateway>();
  /** Networks with a gateway whose address is known or will come. */
  const declaredNetworks = new Set<string>();
  const hostNames = new Set<string>();
  const add = (gateway: NetworkGateway) => {
    if (!isIp(gateway.address)) {
      const name = gateway.address.toLowerCase();
      hostNames.add(name);
      for (const address of objects.gatewayAddresses.get(name) ?? []) add({ ...gateway, address });
      return;
    }
    found.set(`${gateway.network}|${gateway.clusterId}|${gateway.address}|${gateway.port}`, gateway);
  };
  for (const [network, settings] of Object.entries(networks.networks ?? {})) {
    for (const { address, port } of settings?.gateways ?? []) {
      if (address !== undefined && address !== "")
        add({ network, clusterId: "", address, port: port ?? defaultGatewayPort });
    }
  }
  for (const cluster of objects.clusters.values()) {
    for (const service of cluster.services.values()) {
      const declared = declaredGateway(service, cluster.id, networks);
      for (const { network, port } of declared) {
        const nodePort = service.spec.ports?.find((item) => item.port === port)?.nodePort;
        const outer = outerAddresses(service);
        if (service.spec.type === "LoadBalancer") declaredNetworks.add(network);
        const useNodes = service.spec.type === "NodePort" && nodePort !== undefined;
        const nodes = useNodes
          ? nodeAddresses(cluster, service.metadata.annotations?.["traffic.istio.io/nodeSelector"])
          : [];
        for (const address of useNodes ? nodes : outer) {
          add({ network, clusterId: cluster.id, address, port: useNodes ? nodePort : port });
        }
      }
    }
  }
  const known = new Set([...found.values()].map(({ network }) => network));
  const waiting = [...declaredNetworks].filter((network) => !known.has(network)).sort();
  return indexGateways([...found.values()], waiting, [...hostNames].sort());
}

function declaredGateway(
  service: Service,
  clusterId: string,
  networks: MeshNetworks,
): { readonly network: string; readonly port: number }[] {
  const labels = service.metadata.labels ?? {};
  const network = labels[networkLabel];
  if (network !== undefined && network !== "") {
    const written = Number(labels["networking.istio.io/gatewayPort"]);
    const port = Number.isInteger(written) && written > 0 ? written : defaultGatewayPort;
    return service.spec.ports?.some((item) => item.port === port) === true ? [{ network, port }] : [];
  }
  const host = serviceHost(service.metadata.name, service.metadata.namespace ?? "");
  return Object.entries(networks.networks ?? {}).flatMap(([name, settings]) =>
    settings?.endpoints?.some(({ fromRegistry }) => fromRegistry === clusterId) === true
      ? (settings.gateways ?? [])
          .filter(({ registryServiceName }) => registryServiceName === host)
          .map(({ port }) => ({ network: name, port: port ?? defaultGatewayPort }))
      : [],
  );
}

/** Addresses of a Service that are reachable from outside its cluster. */
function outerAddresses(service: Service): string[] {
  const balancer = (service.status?.loadBalancer?.ingress ?? []).flatMap(
    ({ ip, hostname }) => ip ?? hostname ?? [],
  );
  return [...balancer, ...(service.spec.externalIPs ?? [])];
}

function nodeAddresses(cluster: ClusterObjects, selectorJson: string | undefined): string[] {
  if (selectorJson === undefined) return [];
  let selector: unknown;
  try {
    selector = JSON.parse(selectorJson);
  } catch {
    return []; // A selector that nobody can read selects nothing.
  }
  const wanted = Object.entries(typeof selector === "object" && selector !== null ? selector : {});
  return [...cluster.nodes.values()]
    .filter((node) => wanted.every(([name, value]) => node.metadata.labels?.[name] === value))
    .flatMap((node) => {
      const addresses = node.status?.addresses ?? [];
      return (
        addresses.find(({ type }) => type === "ExternalIP")?.address ??
        addresses.find(({ type }) => type === "InternalIP")?.address ??
        []
      );
    });
}

function indexGateways(
  all: readonly NetworkGateway[],
  waiting: readonly string[],
  hostNames: readonly string[],
): NetworkGateways {
  const sorted = [...all].sort((a, b) =>
    a.address === b.address ? a.port - b.port : a.address < b.address ? -1 : 1,
  );
  const groups = new Map<string, NetworkGateway[]>();
  const put = (key: string, gateway: NetworkGateway) =>
    groups.set(key, [...(groups.get(key) ?? []), gateway]);
  for (const gateway of sorted) {
    put(gateway.network, gateway);
    put(`${gateway.network}\n${gateway.clusterId}`, gateway);
  }
  let factor = 1;
  for (const group of groups.values()) factor = (factor * group.length) / divisor(factor, group.length);
  return {
    isMultiNetwork: sorted.length > 0,
    weightFactor: factor,
    gatewaysFor: (network, clusterId) => groups.get(`${network}\n${clusterId}`) ?? groups.get(network) ?? [],
    all: sorted,
    isWaiting: (network) => waiting.includes(network),
    hostNames,
    key: [
      ...sorted.map(({ network, clusterId, address, port }) => `${network}|${clusterId}|${address}|${port}`),
      ...hostNames,
      ...waiting.map((network) => `${network} is waiting`),
    ].join("\n"),
  };
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
