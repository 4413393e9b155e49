import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type Protocol, parseProtocol } from "../../kube/index.ts";
import { TrafficDirection } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  type FilterChain,
  FilterChainSchema,
  type ListenerFilter,
  type ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
} from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { type Listener, ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import { OriginalDstSchema } from "../../xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { type AccessFilters, accessFiltersFor } from "./access-filters.ts";
import { listenerAccessLogs } from "./access-log.ts";
import { connectionManager } from "./connection-manager.ts";
import { allMeshAlpn, meshHttpAlpn, metadataExchange, plainHttpAlpn } from "./filters.ts";
import type { InboundTarget } from "./inbound-targets.ts";
import { clusterName } from "./names.ts";
import { httpInspector, tlsInspector } from "./outbound-listeners.ts";
import type { MtlsMode, WorkloadMtls } from "./peer-authentication.ts";
import { any, lazy, milliseconds, socketAddress } from "./proto.ts";
import { listenerKind } from "./protocol.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";
import { unspecified } from "./services.ts";
import { tcpProxy } from "./tcp-filters.ts";
import { meshServerContext, tlsSocket } from "./tls-contexts.ts";

/** One way in: how a connection must look to take a chain, and what the chain does with it. */
interface ChainKind {
  readonly alpn: readonly string[];
  readonly transport: "tls" | "raw_buffer";
  readonly isHttp: boolean;
  /** Whether the mesh's TLS ends here; a TLS chain without it passes the app's own TLS on. */
  readonly endsTls: boolean;
}

const way = (
  transport: ChainKind["transport"],
  isHttp: boolean,
  endsTls: boolean,
  alpn: readonly string[] = [],
): ChainKind => ({
  alpn,
  transport,
  isHttp,
  endsTls,
});

/** The chains of a port by its protocol and by what PeerAuthentication demands, in Istio's order. */
const ways: Readonly<Record<"http" | "tcp" | "auto", Readonly<Record<MtlsMode, readonly ChainKind[]>>>> = {
  http: {
    STRICT: [way("tls", true, true)],
    PERMISSIVE: [way("tls", true, true, allMeshAlpn), way("raw_buffer", true, false)],
    DISABLE: [way("raw_buffer", true, false)],
  },
  tcp: {
    STRICT: [way("tls", false, true)],
    PERMISSIVE: [
      way("tls", false, true, allMeshAlpn),
      way("tls", false, false),
      way("raw_buffer", false, false),
    ],
    DISABLE: [way("raw_buffer", false, false)],
  },
  auto: {
    STRICT: [way("tls", true, true, meshHttpAlpn), way("tls", false, true)],
    PERMISSIVE: [
      way("tls", true, true, meshHttpAlpn),
      way("raw_buffer", true, false, plainHttpAlpn),
      way("tls", false, true, ["istio-peer-exchange", "istio"]),
      way("raw_buffer", false, false),
      way("tls", false, false),
    ],
    DISABLE: [way("raw_buffer", true, false, plainHttpAlpn), way("raw_buffer", false, false)],
  },
};

interface InboundPort {
  /** 0 for the chains that take every port that no service names. */
  readonly targetPort: number;
  readonly servicePort: number;
  readonly protocol: Protocol;
  readonly cluster: string;
  readonly host: string;
  readonly bind: string;
  /** Whether the proxy listens on the port itself. */
  readonly isBound: boolean;
  /** The Sidecar that wants it. */
  readonly sidecar?: Scope["sidecar"];
}

/** The listener that takes connections to a sidecar's app; none when nothing is intercepted and no Sidecar says otherwise. */
export function inboundListeners(
  scope: Scope,
  proxy: ProxyNode,
  targets: readonly InboundTarget[],
): Listener[] {
  const { mesh, peerPolicies } = scope.rules;
  const ports = inboundPorts(scope, proxy, targets);
  const context: Context = {
    scope,
    proxy,
    access: accessFiltersFor(scope.rules, proxy),
    httpTls: lazy(() => meshServerContext(mesh, ["h2", "http/1.1"])),
    tcpTls: lazy(() => meshServerContext(mesh, ["istio-peer-exchange", "h2", "http/1.1"])),
  };
  const mtls = peerPolicies.forWorkload(proxy.namespace, proxy.labels);
  const bound = ports.filter(({ isBound }) => isBound).map((port) => boundListener(context, port, mtls));
  if (proxy.interception === "NONE") return bound;
  const taken = ports.filter(({ isBound }) => !isBound);
  const chains = [
    blackHole(context),
    ...catchAllChains(context, mtls, new Set(ports.map(({ targetPort }) => targetPort))),
    ...taken.flatMap((port) => portChains(context, port, mtls.modeForPort(port.targetPort))),
  ];
  return [
    create(ListenerSchema, {
      name: "virtualInbound",
      address: socketAddress(unspecified, mesh.proxyInboundListenPort),
      trafficDirection: TrafficDirection.INBOUND,
      continueOnListenerFiltersTimeout: true,
      maxConnectionsToAcceptPerSocketEvent: 1,
      ...(proxy.interception === "TPROXY" ? { transparent: true } : {}),
      accessLog: listenerAccessLogs(scope.rules, proxy, "SERVER"),
      listenerFilters: [originalDst(), ...inspectors(chains)],
      listenerFiltersTimeout: milliseconds(mesh.protocolDetectionTimeout),
      filterChains: chains,
    }),
    ...bound,
  ];
}

interface Context {
  readonly scope: Scope;
  readonly proxy: ProxyNode;
  readonly access: AccessFilters;
  httpTls(): Any;
  tcpTls(): Any;
}

function inboundPorts(scope: Scope, proxy: ProxyNode, targets: readonly InboundTarget[]): InboundPort[] {
  const ingress = scope.sidecar?.spec.ingress ?? [];
  const found = new Map<number, InboundPort>();
  const add = (port: InboundPort) => {
    if (!found.has(port.targetPort)) found.set(port.targetPort, port);
  };
  if (ingress.length > 0) {
    for (const { port, bind, captureMode } of ingress) {
      add({
        targetPort: port.number,
        servicePort: port.number,
        protocol: parseProtocol(port.protocol),
        cluster: clusterName("inbound", "", "", port.number),
        host: `${scope.sidecar?.metadata.name}.${scope.sidecar?.metadata.namespace}`,
        bind: bind || (proxy.addresses[0] ?? unspecified),
        isBound: captureMode === "NONE" || (captureMode !== "IPTABLES" && proxy.interception === "NONE"),
        sidecar: scope.sidecar,
      });
    }
  } else if (proxy.interception !== "NONE") {
    for (const { service, port, targetPort } of targets) {
      add({
        targetPort,
        servicePort: port.port,
        protocol: port.protocol,
        cluster: clusterName("inbound", "", "", targetPort),
        host: service.host,
        bind: unspecified,
        isBound: false,
      });
    }
  }
  return [...found.values()].sort((a, b) => a.targetPort - b.targetPort);
}

/** Chains for ports that no service names; those with a mode of their own get chains of their own. */
function catchAllChains(context: Context, mtls: WorkloadMtls, named: ReadonlySet<number>): FilterChain[] {
  const port = (targetPort: number): InboundPort => ({
    targetPort,
    servicePort: 0,
    protocol: "",
    cluster: "InboundPassthroughCluster",
    host: "",
    bind: unspecified,
    isBound: false,
  });
  const special = [...mtls.ports]
    .filter(([number]) => !named.has(number))
    .sort(([a], [b]) => a - b)
    .flatMap(([number, mode]) => portChains(context, port(number), mode, true));
  return [...portChains(context, port(0), mtls.mode, true), ...special];
}

function portChains(context: Context, port: InboundPort, mode: MtlsMode, isCatchAll = false): FilterChain[] {
  const kind = listenerKind(port.protocol);
  if (kind === "udp") return [];
  return ways[kind][mode].map((chain) => {
    const socket = chain.endsTls ? tlsSocket(chain.isHttp ? context.httpTls() : context.tcpTls()) : undefined;
    const name = isCatchAll
      ? chain.isHttp
        ? "virtualInbound-catchall-http"
        : "virtualInbound"
      : `${port.bind}_${port.targetPort}`;
    return create(FilterChainSchema, {
      name,
      filterChainMatch: {
        applicationProtocols: [...chain.alpn],
        transportProtocol: chain.transport,
        ...(port.targetPort > 0 ? { destinationPort: port.targetPort } : {}),
      },
      ...(socket === undefined ? {} : { transportSocket: socket }),
      ...(port.sidecar === undefined ? {} : { metadata: sidecarMetadata(port.sidecar) }),
      filters: chain.isHttp ? httpFilters(context, port, isCatchAll) : tcpFilters(context, port),
    });
  });
}

const sidecarMetadata = ({ metadata: { name, namespace } }: NonNullable<Scope["sidecar"]>) => ({
  filterMetadata: {
    istio: { config: `/apis/networking.istio.io/v1/namespaces/${namespace}/sidecar/${name}` },
  },
});

const exchange = ({ proxy }: Context) => (proxy.isStock ? [] : [metadataExchange()]);

function httpFilters(context: Context, port: InboundPort, isCatchAll: boolean) {
  return [
    ...exchange(context),
    connectionManager(context.scope, context.proxy, {
      side: "inbound",
      statPrefix: isCatchAll ? `${port.cluster};` : `inbound_${port.bind}_${port.targetPort};`,
      routes: { inline: inboundRoute(port) },
      protocol: port.protocol,
      access: context.access.http,
    }),
  ];
}

function tcpFilters(context: Context, port: InboundPort) {
  return [
    ...exchange(context),
    ...context.access.network,
    ...tcpProxy(context.scope, context.proxy, port.cluster, { side: "SERVER" }),
  ];
}

function blackHole(context: Context): FilterChain {
  return create(FilterChainSchema, {
    name: "virtualInbound-blackhole",
    filterChainMatch: { destinationPort: context.scope.rules.mesh.proxyInboundListenPort },
    filters: [
      ...exchange(context),
      ...tcpProxy(context.scope, context.proxy, "BlackHoleCluster", { log: false }),
    ],
  });
}

/** All requests of a port go to the app, without a time limit and with a second try when the app closed first. */
function inboundRoute({ cluster, host, servicePort, protocol }: InboundPort): RouteConfiguration {
  const isGrpc = protocol === "grpc" || protocol === "grpc-web";
  return create(RouteConfigurationSchema, {
    name: cluster,
    validateClusters: false,
    virtualHosts: [
      {
        name: `inbound|http|${servicePort}`,
        domains: ["*"],
        routes: [
          {
            name: "default",
            match: { pathSpecifier: { case: "prefix", value: "/" } },
            decorator: { operation: `${host}:${servicePort}/*` },
            action: {
              case: "route",
              value: {
                clusterSpecifier: { case: "cluster", value: cluster },
                timeout: milliseconds(0),
                maxStreamDuration: {
                  maxStreamDuration: milliseconds(0),
                  grpcTimeoutHeaderMax: milliseconds(0),
                },
                ...(isGrpc ? {} : { retryPolicy: { retryOn: "reset-before-request", numRetries: 2 } }),
              },
            },
          },
        ],
      },
    ],
  });
}

function boundListener(context: Context, port: InboundPort, mtls: WorkloadMtls): Listener {
  const chains = portChains(context, port, mtls.modeForPort(port.targetPort));
  return create(ListenerSchema, {
    name: `${port.bind}_${port.targetPort}`,
    address: socketAddress(port.bind, port.targetPort),
    trafficDirection: TrafficDirection.INBOUND,
    continueOnListenerFiltersTimeout: true,
    maxConnectionsToAcceptPerSocketEvent: 1,
    listenerFilters: inspectors(chains),
    listenerFiltersTimeout: milliseconds(context.scope.rules.mesh.protocolDetectionTimeout),
    filterChains: chains,
  });
}

const originalDst = lazy(
  (): ListenerFilter =>
    create(ListenerFilterSchema, {
      name: "envoy.filters.listener.original_dst",
      configType: { case: "typedConfig", value: any(OriginalDstSchema) },
    }),
);

type Predicate = MessageInitShape<typeof ListenerFilterChainMatchPredicateSchema>;

/** Looks into connections only on the ports where a chain depends on it: servers that speak first would wait in vain. */
function inspectors(chains: readonly FilterChain[]): ListenerFilter[] {
  const needs = new Map<number, { tls: boolean; http: boolean }>();
  for (const { filterChainMatch } of chains) {
    const port = filterChainMatch?.destinationPort ?? 0;
    const need = needs.get(port) ?? { tls: false, http: false };
    needs.set(port, need);
    need.tls ||= filterChainMatch?.transportProtocol === "tls";
    need.http ||=
      filterChainMatch?.applicationProtocols.some((name) => name === "http/1.1" || name === "h2c") ?? false;
  }
  const ports = [...needs].sort(([a], [b]) => a - b);
  const found: ListenerFilter[] = [];
  if (ports.some(([, { tls }]) => tls)) {
    const byDefault = needs.get(0)?.tls ?? false;
    const exceptions = ports
      .filter(([port, { tls }]) => port !== 0 && tls !== byDefault)
      .map(([port]) => port);
    const rule = anyOf(exceptions);
    found.push(
      withDisabled(
        tlsInspector(),
        rule === undefined || byDefault ? rule : { rule: { case: "notMatch", value: rule } },
      ),
    );
  }
  if (ports.some(([, { http }]) => http)) {
    found.push(
      withDisabled(httpInspector(), anyOf(ports.filter(([, { http }]) => !http).map(([port]) => port))),
    );
  }
  return found;
}

function anyOf(ports: readonly number[]): Predicate | undefined {
  const rules = ports.map(
    (port): Predicate => ({ rule: { case: "destinationPortRange", value: { start: port, end: port + 1 } } }),
  );
  return rules.length > 1 ? { rule: { case: "orMatch", value: { rules } } } : rules[0];
}

function withDisabled(filter: ListenerFilter, filterDisabled: Predicate | undefined): ListenerFilter {
  if (filterDisabled === undefined) return filter;
  return create(ListenerFilterSchema, { name: filter.name, configType: filter.configType, filterDisabled });
}
