import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Protocol } from "../../kube/index.ts";
import { TrafficDirection } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  type Filter,
  type FilterChain,
  type FilterChainMatchSchema,
  FilterChainSchema,
  type ListenerFilter,
  ListenerFilterSchema,
} from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { type Listener, ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { HttpInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { TlsInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { listenerAccessLogs } from "./access-log.ts";
import { configMetadata } from "./config-metadata.ts";
import type { L4Match, TlsMatch } from "./config-types.ts";
import { connectionManager } from "./connection-manager.ts";
import { plainHttpAlpn } from "./filters.ts";
import { clusterName, hostsOverlap, otherNames } from "./names.ts";
import { selects } from "./objects.ts";
import { any, lazy, milliseconds, optional, socketAddress } from "./proto.ts";
import { isTls, listenerKind } from "./protocol.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { unknownCluster } from "./route-destination.ts";
import type { Scope } from "./scope.ts";
import { addressesFor, type MeshService, unspecified } from "./services.ts";
import type { EgressListener } from "./sidecar-egress.ts";
import { routedTcpFilters, stockAlpn, tcpProxy } from "./tcp-filters.ts";
import type { ResolvedVirtualService } from "./virtual-services.ts";
import { endpointsOf, type World } from "./world.ts";

/** What a chain of an outbound listener is for, before it is made into a message. */
interface Chain {
  readonly sniHosts: readonly string[];
  readonly ranges: readonly string[];
  readonly isHttp: boolean;
  readonly applicationProtocols: readonly string[];
  /** The VirtualService that it was made from. */
  readonly owner?: ResolvedVirtualService;
  filters(statPrefix: string): Filter[];
}

interface Entry {
  readonly bind: string;
  readonly port: number;
  readonly isBound: boolean;
  chains: Chain[];
  kind: "http" | "tcp" | "auto";
  isLocked: boolean;
}

/** Ports that belong to the proxy itself. */
const ownPorts: ReadonlySet<number> = new Set([15001, 15006, 15021, 15090]);

/** The listeners through which a sidecar's app reaches the mesh, and the one that takes all the rest. */
export function outboundListeners(world: World, scope: Scope, proxy: ProxyNode): Listener[] {
  const entries = new Map<string, Entry>();
  for (const egress of scope.egress) {
    if (egress.port === undefined) for (const entry of entries.values()) entry.isLocked = true;
    for (const service of egress.services) addService(world, scope, proxy, egress, service, entries);
  }
  const listeners = [...entries.values()].map((entry) => makeListener(scope, proxy, entry));
  if (proxy.interception !== "NONE") listeners.push(virtualOutbound(scope, proxy));
  return listeners;
}

function addService(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  egress: EgressListener,
  service: MeshService,
  entries: Map<string, Entry>,
): void {
  if (service.resolution === "alias") return;
  const isBound = proxy.interception === "NONE" || egress.isBound === true;
  const bind = egress.bind ?? (isBound ? "127.0.0.1" : "");
  const ports =
    egress.port === undefined
      ? service.ports.map(({ port, protocol }) => ({ port, protocol }))
      : [{ port: egress.port.number, protocol: egress.port.protocol }];
  for (const port of ports) {
    if (isBound && ownPorts.has(port.port)) continue;
    const add = (address: string, ranges: readonly string[] = []) =>
      addPort(scope, proxy, egress, service, { ...port, bind: address, ranges, isBound }, entries);
    const kind = listenerKind(port.protocol);
    if (kind === "udp") continue;
    if (bind !== "") {
      add(bind);
      continue;
    }
    if (kind === "http") {
      add(unspecified);
      continue;
    }
    const addresses = addressesFor(service, proxy);
    const first = addresses[0] ?? unspecified;
    if (service.resolution === "passthrough" && first === unspecified) {
      const pods = podAddresses(world, service, port.port, proxy);
      if (service.registry === "External" && pods.length === 0 && service.selector === undefined)
        add(unspecified);
      for (const address of pods) add(address);
      continue;
    }
    for (const address of addresses.filter((item) => !item.includes(":"))) {
      if (address.includes("/")) add(unspecified, [address]);
      else add(address);
    }
  }
}

/** A headless Service is dialled by pod address, so each pod gets its listener; the own pod is reached without. */
function podAddresses(world: World, service: MeshService, port: number, proxy: ProxyNode): string[] {
  const name = service.ports.find((item) => item.port === port)?.name;
  const { endpoints } = endpointsOf(world, service);
  const addresses = endpoints
    .filter((endpoint) => endpoint.portName === name && !proxy.addresses.includes(endpoint.address))
    .filter(
      (endpoint) => proxy.network === "" || endpoint.network === "" || endpoint.network === proxy.network,
    )
    .map(({ address }) => address);
  return [...new Set(addresses)];
}

interface Port {
  readonly port: number;
  readonly protocol: Protocol;
  readonly bind: string;
  readonly ranges: readonly string[];
  readonly isBound: boolean;
}

/** Adds a port's chains to its listener. Services that share an address and port share the listener, first come first served. */
function addPort(
  scope: Scope,
  proxy: ProxyNode,
  egress: EgressListener,
  service: MeshService,
  port: Port,
  entries: Map<string, Entry>,
): void {
  const key = `${port.bind}_${port.port}`;
  const current = entries.get(key);
  if (current?.isLocked === true) return;
  const kind = listenerKind(port.protocol);
  if (kind === "udp") return;
  const speaksFirst = (protocol: Protocol) => protocol === "mongo" || protocol === "mysql";
  if (current !== undefined && speaksFirst(port.protocol)) return;
  const http = () => httpChains(scope, proxy, service, port, kind === "auto" || port.bind === unspecified);
  const tcp = () => tcpChains(scope, proxy, egress.virtualServices, service, port);
  if (current === undefined || (kind === "auto" && current.kind === "http")) {
    const chains = kind === "http" ? http() : kind === "tcp" ? tcp() : [...tcp(), ...http()];
    entries.set(key, {
      bind: port.bind,
      port: port.port,
      isBound: port.isBound,
      chains,
      kind: kind === "http" && port.bind === unspecified ? "auto" : kind,
      isLocked: false,
    });
    return;
  }
  if (kind === "http") {
    if (current.kind !== "tcp") return;
    mergeChains(current, http());
    current.kind = "auto";
    return;
  }
  if (kind === "auto" && current.kind === "tcp") {
    mergeChains(current, [...tcp(), ...http()]);
    current.kind = "auto";
    return;
  }
  mergeChains(current, tcp());
  if (current.kind === "http") current.kind = "auto";
}

function mergeChains(entry: Entry, incoming: readonly Chain[]): void {
  const identity = ({ sniHosts, ranges, applicationProtocols }: Chain) =>
    JSON.stringify([
      [...sniHosts].filter((host) => host !== "*").sort(),
      [...ranges].sort(),
      applicationProtocols,
    ]);
  const known = new Set(entry.chains.map(identity));
  for (const chain of incoming) {
    if (known.has(identity(chain))) continue;
    known.add(identity(chain));
    entry.chains.push(chain);
  }
}

function httpChains(
  scope: Scope,
  proxy: ProxyNode,
  service: MeshService,
  port: Port,
  isDetected: boolean,
): Chain[] {
  const isOwn = listenerKind(port.protocol) === "auto" && port.bind !== unspecified;
  const rds = isOwn ? `${service.host}:${port.port}` : String(port.port);
  const chain = (applicationProtocols: readonly string[], offersHttp2Alpn: boolean): Chain => ({
    sniHosts: [],
    ranges: [],
    isHttp: true,
    applicationProtocols,
    filters: (statPrefix) => [
      connectionManager(scope, proxy, {
        side: "outbound",
        statPrefix,
        routes: { rds },
        protocol: port.protocol,
        access: [],
        offersHttp2Alpn,
      }),
    ],
  });
  // Stock Envoy has no filter that picks the ALPN by request: where the upstream follows the client, each HTTP gets its chain.
  if (proxy.isStock && isOwn) return [chain(["http/1.1"], false), chain(["h2c"], true)];
  return [chain(isDetected ? plainHttpAlpn : [], false)];
}

function tcpChains(
  scope: Scope,
  proxy: ProxyNode,
  virtual: readonly ResolvedVirtualService[],
  service: MeshService,
  port: Port,
): Chain[] {
  const rules = virtual.filter(({ hosts }) => hosts.some((host) => hostsOverlap(host, service.host)));
  return isTls(port.protocol)
    ? tlsChains(scope, proxy, rules, service, port)
    : plainChains(scope, proxy, rules, service, port);
}

const chainTo = (
  ranges: readonly string[],
  sniHosts: readonly string[],
  filters: () => Filter[],
  owner?: ResolvedVirtualService,
): Chain => ({
  sniHosts,
  ranges,
  isHttp: false,
  applicationProtocols: [],
  ...optional("owner", owner),
  filters,
});

/** Whether an L4 condition of a rule holds for a proxy's connection to a port. */
export function matchesL4(
  match: L4Match | undefined,
  proxy: ProxyNode,
  gateways: ReadonlySet<string>,
  port: number,
): boolean {
  if (match === undefined) return true;
  const { gateways: names = [], sourceLabels, sourceNamespace } = match;
  return (
    (names.length === 0 || names.some((name) => gateways.has(name))) &&
    (sourceLabels === undefined ||
      Object.keys(sourceLabels).length === 0 ||
      selects(sourceLabels, proxy.labels)) &&
    (match.port === undefined || match.port === 0 || match.port === port) &&
    (sourceNamespace === undefined || sourceNamespace === "" || sourceNamespace === proxy.namespace)
  );
}

const meshGateway: ReadonlySet<string> = new Set(["mesh"]);

function tlsChains(
  scope: Scope,
  proxy: ProxyNode,
  rules: readonly ResolvedVirtualService[],
  service: MeshService,
  port: Port,
): Chain[] {
  const chains: Chain[] = [];
  const seen = new Set<string>();
  for (const rule of rules) {
    for (const route of rule.tls) {
      for (const match of (route.match ?? []) as readonly TlsMatch[]) {
        if (!matchesL4(match, proxy, meshGateway, port.port)) continue;
        const ranges = match.destinationSubnets ?? port.ranges;
        const key = JSON.stringify([match.sniHosts, match.destinationSubnets]);
        if (seen.has(key)) continue;
        seen.add(key);
        chains.push(
          chainTo(
            ranges,
            match.sniHosts ?? [],
            () => routedTcpFilters(scope, proxy, route.route ?? [], port.port, rule),
            rule,
          ),
        );
      }
    }
  }
  if (chains.length > 0) return chains;
  // An address of its own says whose connection it is; an address that services share doesn't.
  const needsSni = port.ranges.length > 0 || port.bind === unspecified;
  return [
    chainTo(port.ranges, needsSni ? serverNames(service, proxy) : [], () =>
      ownFilters(scope, proxy, service, port),
    ),
  ];
}

const serverNames = ({ host, aliases }: MeshService, { dnsDomain }: ProxyNode) => [
  host,
  ...aliases.flatMap((alias) => [alias, ...otherNames(alias, dnsDomain)]),
];

function plainChains(
  scope: Scope,
  proxy: ProxyNode,
  rules: readonly ResolvedVirtualService[],
  service: MeshService,
  port: Port,
): Chain[] {
  const chains: Chain[] = [];
  for (const rule of rules) {
    for (const route of rule.tcp) {
      if ((route.route ?? []).length === 0) continue;
      const filters = () => routedTcpFilters(scope, proxy, route.route ?? [], port.port, rule);
      const matching = (route.match ?? []).filter((match) => matchesL4(match, proxy, meshGateway, port.port));
      if (
        (route.match ?? []).length === 0 ||
        matching.some(({ destinationSubnets }) => (destinationSubnets ?? []).length === 0)
      ) {
        return [...chains, chainTo(port.ranges, [], filters, rule)];
      }
      const subnets = matching.flatMap(({ destinationSubnets }) => destinationSubnets ?? []);
      if (subnets.length > 0) chains.push(chainTo(subnets, [], filters));
    }
  }
  return [...chains, chainTo(port.ranges, [], () => ownFilters(scope, proxy, service, port))];
}

function ownFilters(scope: Scope, proxy: ProxyNode, service: MeshService, port: Port): Filter[] {
  const only = service.ports.length === 1 ? service.ports[0]?.port : undefined;
  const target = only ?? port.port;
  const rule = scope.destinationRule(service);
  const filters = tcpProxy(scope, proxy, clusterName("outbound", "", service.host, target), { rule });
  return listenerKind(port.protocol) === "auto" ? [...stockAlpn(proxy), ...filters] : filters;
}

/** How long a client may take to open TLS; part of every chain that Istio makes for routers and outbound traffic. */
export const tlsTimeout = lazy(() => milliseconds(15_000));

function makeListener(scope: Scope, proxy: ProxyNode, entry: Entry): Listener {
  const name = `${entry.bind}_${entry.port}`;
  const chains: FilterChain[] = [];
  let last: FilterChain | undefined;
  for (const chain of entry.chains) {
    const match = chainMatch(chain);
    const made = create(FilterChainSchema, {
      filters: chain.filters(`outbound_${name};`),
      transportSocketConnectTimeout: tlsTimeout(),
      ...optional("filterChainMatch", match),
      ...(chain.owner === undefined ? {} : { metadata: configMetadata("virtual-service", chain.owner) }),
    });
    if (match === undefined) last ??= made;
    else chains.push(made);
  }
  const needsTls = entry.chains.some(({ sniHosts }) => sniHosts.length > 0);
  const needsHttp = entry.chains.some(({ applicationProtocols }) => applicationProtocols.length > 0);
  if (chains.length === 0 && last !== undefined) {
    chains.push(last);
    last = undefined;
  } else {
    last ??= create(FilterChainSchema, {
      name: "PassthroughFilterChain",
      filterChainMatch: {},
      filters: catchAll(scope, proxy),
    });
  }
  return create(ListenerSchema, {
    name,
    address: socketAddress(entry.bind, entry.port),
    trafficDirection: TrafficDirection.OUTBOUND,
    continueOnListenerFiltersTimeout: true,
    ...(entry.isBound ? { maxConnectionsToAcceptPerSocketEvent: 1 } : { bindToPort: false }),
    listenerFilters: [...(needsTls ? [tlsInspector()] : []), ...(needsHttp ? [httpInspector()] : [])],
    listenerFiltersTimeout: milliseconds(needsHttp ? scope.rules.mesh.protocolDetectionTimeout : 0),
    filterChains: chains,
    ...(last === undefined ? {} : { defaultFilterChain: last }),
  });
}

function chainMatch({
  sniHosts,
  ranges,
  isHttp,
  applicationProtocols,
}: Chain): MessageInitShape<typeof FilterChainMatchSchema> | undefined {
  const anyName = sniHosts.length === 0 || sniHosts.includes("*");
  if (anyName && applicationProtocols.length === 0 && ranges.length === 0) return undefined;
  return {
    applicationProtocols: [...applicationProtocols],
    ...(isHttp && applicationProtocols.length > 0 ? { transportProtocol: "raw_buffer" } : {}),
    serverNames: anyName ? [] : [...sniHosts].sort(),
    prefixRanges: [...ranges].sort().flatMap((range) => {
      const [addressPrefix = "", bits] = range.split("/");
      return addressPrefix === unspecified ? [] : [{ addressPrefix, prefixLen: Number(bits ?? 32) }];
    }),
  };
}

/** The one that intercepted connections come to first: it hands them on by destination, and takes those that no listener wants. */
function virtualOutbound(scope: Scope, proxy: ProxyNode): Listener {
  const { proxyListenPort } = scope.rules.mesh;
  return create(ListenerSchema, {
    name: "virtualOutbound",
    address: socketAddress(unspecified, proxyListenPort),
    ...(proxy.interception === "TPROXY" ? { transparent: true } : {}),
    useOriginalDst: true,
    trafficDirection: TrafficDirection.OUTBOUND,
    maxConnectionsToAcceptPerSocketEvent: 1,
    accessLog: listenerAccessLogs(scope.rules, proxy, "CLIENT"),
    filterChains: [
      {
        name: "virtualOutbound-blackhole",
        filterChainMatch: { destinationPort: proxyListenPort },
        filters: tcpProxy(scope, proxy, "BlackHoleCluster", { log: false }),
      },
      { name: "virtualOutbound-catchall-tcp", filters: catchAll(scope, proxy) },
    ],
  });
}

function catchAll(scope: Scope, proxy: ProxyNode): Filter[] {
  return tcpProxy(scope, proxy, unknownCluster(scope) ?? "BlackHoleCluster");
}

/** Reads the ClientHello, so that chains can be picked by SNI and ALPN. */
export const tlsInspector = lazy(
  (): ListenerFilter =>
    create(ListenerFilterSchema, {
      name: "envoy.filters.listener.tls_inspector",
      configType: { case: "typedConfig", value: any(TlsInspectorSchema, { initialReadBufferSize: 512 }) },
    }),
);

/** Reads the first bytes, so that HTTP is told from the rest. */
export const httpInspector = lazy(
  (): ListenerFilter =>
    create(ListenerFilterSchema, {
      name: "envoy.filters.listener.http_inspector",
      configType: { case: "typedConfig", value: any(HttpInspectorSchema) },
    }),
);
