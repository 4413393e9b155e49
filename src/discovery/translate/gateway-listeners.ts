import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { TrafficDirection } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  type Filter,
  type FilterChain,
  FilterChainSchema,
} from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { type Listener, ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { TlsParameters_TlsProtocol } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { DownstreamTlsContextSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { listenerAccessLogs } from "./access-log.ts";
import { type Authorization, authorizationFor } from "./authorization.ts";
import type { ServerTls } from "./config-types.ts";
import { connectionManager } from "./connection-manager.ts";
import { allMeshAlpn } from "./filters.ts";
import { hostsFor, plainHost } from "./gateway-routes.ts";
import {
  endsTls,
  type GatewayPort,
  type GatewayServer,
  type MergedGateways,
  seesRequests,
} from "./gateways.ts";
import { hostsOverlap, isSubsetOf, sniName } from "./names.ts";
import { tlsInspector, tlsTimeout } from "./outbound-listeners.ts";
import { any, socketAddress } from "./proto.ts";
import { parseProtocol } from "./protocol.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";
import { unspecified } from "./services.ts";
import { routedTcpFilters, tcpProxy } from "./tcp-filters.ts";
import { controlPlaneSecret, fileSecret, rootSecret, tlsSocket, workloadSecret } from "./tls-contexts.ts";
import { secretName } from "./upstream-tls.ts";

interface Chain {
  readonly sniHosts: readonly string[];
  readonly alpn: readonly string[];
  readonly tls?: Any;
  readonly filters: readonly Filter[];
}

/** The listeners of a router, one for each port that its Gateways open. */
export function gatewayListeners(scope: Scope, proxy: ProxyNode, merged: MergedGateways): Listener[] {
  const authorization = authorizationFor(scope.rules, proxy);
  return merged.ports.flatMap((port) => {
    const chains = portChains(scope, proxy, port, authorization);
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
    accessLog: listenerAccessLogs(scope.rules, proxy),
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

function portChains(
  scope: Scope,
  proxy: ProxyNode,
  port: GatewayPort,
  authorization: Authorization,
): Chain[] {
  const address = port.bind === "" ? unspecified : port.bind;
  const http = (placed: GatewayServer) =>
    connectionManager(scope, proxy, {
      side: "gateway",
      statPrefix:
        port.isPlainHttp || (placed.server.name ?? "") === ""
          ? `outbound_${address}_${port.port};`
          : (placed.server.name ?? ""),
      routes: { rds: placed.routeName },
      protocol: parseProtocol(placed.server.port?.protocol),
      authorization: authorization.http,
    });
  if (port.isPlainHttp) {
    const first = port.servers[0];
    return first === undefined ? [] : [{ sniHosts: [], alpn: [], filters: [http(first)] }];
  }
  const takenNames = new Set<string>();
  return port.servers.flatMap((placed): Chain[] => {
    const { server } = placed;
    const sniHosts = placed.hosts.map(plainHost);
    if (seesRequests(server) && endsTls(server)) {
      return [
        {
          sniHosts,
          alpn: [],
          tls: serverContext(server.tls ?? {}, ["h2", "http/1.1"]),
          filters: [http(placed)],
        },
      ];
    }
    if (server.tls?.mode === "AUTO_PASSTHROUGH") return autoPassthrough(scope, proxy, sniHosts);
    if (server.tls?.mode === "PASSTHROUGH")
      return passthrough(scope, proxy, placed, takenNames, authorization);
    const filters = tcpRoutes(scope, proxy, placed);
    if (filters === undefined) return [];
    const all = [...authorization.network, ...filters];
    if (server.tls === undefined) return [{ sniHosts: [], alpn: [], filters: all }];
    const offered =
      server.tls.mode === "ISTIO_MUTUAL" ? ["istio-peer-exchange", "h2", "http/1.1"] : ["h2", "http/1.1"];
    return [{ sniHosts, alpn: [], tls: serverContext(server.tls, offered), filters: all }];
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
  authorization: Authorization,
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
          chains.push({ sniHosts: names, alpn: [], filters: [...authorization.network, ...filters] });
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

const protocols: Readonly<Record<string, TlsParameters_TlsProtocol>> = {
  TLSV1_0: TlsParameters_TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters_TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
};

/** TLS as a server of a Gateway sets it: with the workload's own certificate, a Secret, or files. */
function serverContext(tls: ServerTls, alpn: readonly string[]): Any {
  const names = (tls.subjectAltNames ?? []).map((value) => ({
    matchPattern: { case: "exact" as const, value },
  }));
  const asks = tls.mode === "MUTUAL" || tls.mode === "ISTIO_MUTUAL";
  const verifies = asks || tls.mode === "OPTIONAL_MUTUAL";
  const credentials =
    tls.credentialNames ??
    (tls.credentialName === undefined || tls.credentialName === "" ? [] : [tls.credentialName]);
  const own = tls.mode === "ISTIO_MUTUAL";
  const certificates = own
    ? [workloadSecret()]
    : credentials.length > 0
      ? credentials.map((name) => controlPlaneSecret(secretName(name)))
      : [fileSecret(`file-cert:${tls.serverCertificate}~${tls.privateKey}`)];
  const root = own
    ? rootSecret()
    : credentials[0] !== undefined
      ? controlPlaneSecret(`${secretName(credentials[0])}-cacert`)
      : fileSecret(`file-root:${tls.caCertificates}`);
  const minimum = protocols[tls.minProtocolVersion ?? ""];
  const maximum = protocols[tls.maxProtocolVersion ?? ""];
  const ciphers = tls.cipherSuites ?? [];
  return any(DownstreamTlsContextSchema, {
    commonTlsContext: {
      ...(minimum === undefined && maximum === undefined && ciphers.length === 0
        ? {}
        : {
            tlsParams: {
              ...(minimum === undefined ? {} : { tlsMinimumProtocolVersion: minimum }),
              ...(maximum === undefined ? {} : { tlsMaximumProtocolVersion: maximum }),
              cipherSuites: [...ciphers],
            },
          }),
      tlsCertificateSdsSecretConfigs: certificates,
      ...(verifies
        ? {
            validationContextType: {
              case: "combinedValidationContext",
              value: {
                defaultValidationContext: { matchSubjectAltNames: names },
                validationContextSdsSecretConfig: root,
              },
            },
          }
        : {}),
      alpnProtocols: [...alpn],
    },
    requireClientCertificate: asks,
  });
}
