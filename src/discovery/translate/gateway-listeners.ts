import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { parseProtocol } from "../../kube/index.ts";
import { TrafficDirection } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  type Filter,
  type FilterChain,
  FilterChainSchema,
} from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { type Listener, ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { type AccessFilters, accessFiltersFor } from "./access-filters.ts";
import { listenerAccessLogs } from "./access-log.ts";
import { connectionManager } from "./connection-manager.ts";
import { allMeshAlpn, metadataExchange } from "./filters.ts";
import { hostsFor, plainHost } from "./gateway-routes.ts";
import { serverTlsContext } from "./gateway-tls.ts";
import {
  endsTls,
  type GatewayPort,
  type GatewayServer,
  isPlainHttp,
  type MergedGateways,
  seesRequests,
  tlsMode,
} from "./gateways.ts";
import { hostsOverlap, isSubsetOf, sniName } from "./names.ts";
import { tlsInspector, tlsTimeout } from "./outbound-listeners.ts";
import { socketAddress } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";
import { unspecified } from "./services.ts";
import { routedTcpFilters, tcpProxy } from "./tcp-filters.ts";
import { tlsSocket } from "./tls-contexts.ts";

interface Chain {
  readonly sniHosts: readonly string[];
  readonly alpn: readonly string[];
  readonly tls?: Any;
  readonly filters: readonly Filter[];
}

/** The listeners of a router, one for each port that its Gateways open. */
export function gatewayListeners(scope: Scope, proxy: ProxyNode, merged: MergedGateways): Listener[] {
  const access = accessFiltersFor(scope.rules, proxy);
  return merged.ports.flatMap((port) => {
    const chains = portChains(scope, proxy, port, access);
    return chains.length === 0 ? [] : [makeListener(scope, proxy, port, chains)];
  });
}

function makeListener(
  scope: Scope,
  proxy: ProxyNode,
  { port, bind }: GatewayPort,
  chains: readonly Chain[],
): Listener {
  const address = bind === "" ? unspecified : bind;
  const looksIntoTls = chains.some(({ sniHosts, tls }) => sniHosts.length > 0 || tls !== undefined);
  return create(ListenerSchema, {
    name: `${address}_${port}`,
    address: socketAddress(address, port),
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: looksIntoTls ? [tlsInspector()] : [],
    maxConnectionsToAcceptPerSocketEvent: 1,
    accessLog: listenerAccessLogs(scope.rules, proxy, "CLIENT"),
    filterChains: chains.map(chainMessage),
  });
}

function chainMessage({ sniHosts, alpn, tls, filters }: Chain): FilterChain {
  const anyName = sniHosts.length === 0 || sniHosts.includes("*");
  return create(FilterChainSchema, {
    ...(anyName && alpn.length === 0
      ? {}
      : {
          filterChainMatch: {
            serverNames: anyName ? [] : [...sniHosts].sort(),
            applicationProtocols: [...alpn],
          },
        }),
    ...(tls === undefined ? {} : { transportSocket: tlsSocket(tls) }),
    transportSocketConnectTimeout: tlsTimeout(),
    filters: [...filters],
  });
}

function portChains(scope: Scope, proxy: ProxyNode, port: GatewayPort, access: AccessFilters): Chain[] {
  const address = port.bind === "" ? unspecified : port.bind;
  const firstPlain = port.servers.find(({ server }) => isPlainHttp(server));
  const http = (placed: GatewayServer) =>
    connectionManager(scope, proxy, {
      side: "gateway",
      statPrefix:
        placed === firstPlain || (placed.server.name ?? "") === ""
          ? `outbound_${address}_${port.port};`
          : (placed.server.name ?? ""),
      routes: { rds: placed.routeName },
      protocol: parseProtocol(placed.server.port?.protocol),
      access: access.http,
    });
  const takenNames = new Set<string>();
  return port.servers.flatMap((placed): Chain[] => {
    const { server } = placed;
    const sniHosts = placed.hosts.map(plainHost);
    // All plain HTTP servers of a port share one route table.
    if (isPlainHttp(server))
      return placed === firstPlain ? [{ sniHosts: [], alpn: [], filters: [http(placed)] }] : [];
    if (seesRequests(server) && endsTls(server)) {
      return [
        {
          sniHosts,
          alpn: [],
          tls: serverTlsContext(server.tls ?? {}, "http", scope.rules.mesh),
          filters: [http(placed)],
        },
      ];
    }
    if (tlsMode(server) === "AUTO_PASSTHROUGH") return autoPassthrough(scope, proxy, sniHosts);
    if (tlsMode(server) === "PASSTHROUGH") return passthrough(scope, proxy, placed, takenNames, access);
    const filters = tcpRoutes(scope, proxy, placed);
    if (filters === undefined) return [];
    const all = [...access.network, ...filters];
    if (server.tls === undefined) return [{ sniHosts: [], alpn: [], filters: all }];
    // Who calls is told first, so that policies and metrics know it.
    if (server.tls.mode === "ISTIO_MUTUAL" && !proxy.isStock) all.unshift(metadataExchange());
    return [{ sniHosts, alpn: [], tls: serverTlsContext(server.tls, "tcp", scope.rules.mesh), filters: all }];
  });
}

/** One chain for each service, port and subset of the mesh: the client's SNI says which, and its TLS stays shut. */
function autoPassthrough(scope: Scope, proxy: ProxyNode, hosts: readonly string[]): Chain[] {
  return scope.services.flatMap((service) => {
    if (
      service.isExternal ||
      service.resolution === "alias" ||
      !hosts.some((host) => isSubsetOf(service.host, host))
    )
      return [];
    const rule = scope.destinationRule(service);
    return service.ports.flatMap((port) => {
      if (port.protocol === "udp") return [];
      return ["", ...(rule?.subsets ?? []).map(({ name }) => name)].map((subset): Chain => {
        const name = sniName(subset, service.host, port.port);
        return {
          sniHosts: [name],
          alpn: allMeshAlpn,
          filters: tcpProxy(scope, proxy, name, { rule, subset, skipsTunnel: true }),
        };
      });
    });
  });
}

function passthrough(
  scope: Scope,
  proxy: ProxyNode,
  placed: GatewayServer,
  taken: Set<string>,
  access: AccessFilters,
): Chain[] {
  const chains: Chain[] = [];
  for (const rule of scope.virtualServicesFor(placed.gateway)) {
    const own = hostsFor(placed, rule.namespace);
    if (!rule.hosts.some((host) => own.some((server) => hostsOverlap(server, host)))) continue;
    for (const route of rule.tls) {
      for (const match of route.match ?? []) {
        if (!isFor(match, placed)) continue;
        const names = match.sniHosts ?? [];
        if (names.some((name) => taken.has(name))) continue;
        for (const name of names) taken.add(name);
        const filters = routedTcpFilters(scope, proxy, route.route ?? [], placed.number, rule);
        if (filters.length > 0)
          chains.push({ sniHosts: names, alpn: [], filters: [...access.network, ...filters] });
      }
    }
  }
  return chains;
}

function tcpRoutes(scope: Scope, proxy: ProxyNode, placed: GatewayServer): Filter[] | undefined {
  for (const rule of scope.virtualServicesFor(placed.gateway)) {
    const own = hostsFor(placed, rule.namespace);
    if (!rule.hosts.some((host) => own.some((server) => hostsOverlap(server, host)))) continue;
    const route = rule.tcp.find(
      ({ match, route: to }) =>
        (to ?? []).length > 0 &&
        ((match ?? []).length === 0 || match?.some((item) => isFor(item, placed)) === true),
    );
    if (route !== undefined) return routedTcpFilters(scope, proxy, route.route ?? [], placed.number, rule);
  }
  return undefined;
}

function isFor(
  match: { readonly port?: number; readonly gateways?: readonly string[] },
  placed: GatewayServer,
): boolean {
  const { port = 0, gateways = [] } = match;
  return (
    (port === 0 || port === placed.number) && (gateways.length === 0 || gateways.includes(placed.gateway))
  );
}
