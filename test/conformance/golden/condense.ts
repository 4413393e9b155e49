import { toJson } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyUnpack, type Duration } from "@bufbuild/protobuf/wkt";
import { resourceRegistry } from "../../../src/discovery/serve/resource-registry.ts";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
} from "../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Address } from "../../../src/xds/gen/envoy/config/core/v3/address_pb.js";
import { TrafficDirection } from "../../../src/xds/gen/envoy/config/core/v3/base_pb.js";
import { HealthStatus } from "../../../src/xds/gen/envoy/config/core/v3/health_check_pb.js";
import type {
  LbEndpoint,
  LocalityLbEndpoints,
} from "../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import {
  type Filter,
  type FilterChain,
  FilterChainMatchSchema,
} from "../../../src/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "../../../src/xds/gen/envoy/config/listener/v3/listener_pb.js";
import {
  HeaderMatcherSchema,
  RedirectActionSchema,
  type Route,
  type RouteAction,
} from "../../../src/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "../../../src/xds/gen/envoy/config/route/v3/route_pb.js";
import {
  type HttpConnectionManager_Tracing,
  HttpConnectionManagerSchema,
} from "../../../src/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { TcpProxySchema } from "../../../src/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { UpstreamTlsContextSchema } from "../../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { Snapshot } from "../../../src/xds/index.ts";

/** A snapshot in the short form that the scenes' expected.json have: what decides behaviour, without constant parts. */
export function condense(
  snapshot: Snapshot,
): Record<"clusters" | "endpoints" | "listeners" | "routes", Record<string, unknown>> {
  return {
    clusters: mapValues(snapshot.clusters, condenseCluster),
    endpoints: mapValues(snapshot.endpoints, ({ endpoints }) => endpoints.map(condenseLocality)),
    listeners: mapValues(snapshot.listeners, condenseListener),
    routes: mapValues(snapshot.routes, condenseRoutes),
  };
}

function mapValues<T>(map: ReadonlyMap<string, T>, of: (value: T) => unknown): Record<string, unknown> {
  return Object.fromEntries([...map].map(([name, value]) => [name, of(value)]));
}

function condenseCluster(cluster: Cluster) {
  const type = cluster.clusterDiscoveryType;
  const sockets = cluster.transportSocketMatches;
  const sni = [...sockets.map(({ transportSocket }) => transportSocket), cluster.transportSocket]
    .map((socket) =>
      socket?.configType.case === "typedConfig"
        ? anyUnpack(socket.configType.value, UpstreamTlsContextSchema)?.sni
        : undefined,
    )
    .find((name) => name !== undefined && name !== "");
  return {
    type: type.case === "type" ? Cluster_DiscoveryType[type.value] : undefined,
    lb: Cluster_LbPolicy[cluster.lbPolicy],
    ...(cluster.outlierDetection === undefined ? {} : { outlierDetection: true }),
    ...(sockets.length === 0 ? {} : { transportSocketMatches: sockets.map(({ name }) => name) }),
    ...(sni === undefined || sockets.length === 0 ? {} : { sni }),
    ...(cluster.transportSocket === undefined ? {} : { transportSocket: cluster.transportSocket.name }),
    ...(cluster.filters.length === 0 ? {} : { filters: cluster.filters.length }),
    ...(cluster.loadAssignment === undefined
      ? {}
      : { inline: cluster.loadAssignment.endpoints.map(condenseLocality) }),
  };
}

function condenseLocality({ priority, locality, loadBalancingWeight, lbEndpoints }: LocalityLbEndpoints) {
  const { region = "", zone = "", subZone = "" } = locality ?? {};
  return {
    priority,
    locality: [region, zone, subZone].filter((part) => part !== "").join("/"),
    weight: loadBalancingWeight ?? 0,
    endpoints: lbEndpoints.map(condenseEndpoint),
  };
}

function condenseEndpoint({ hostIdentifier, loadBalancingWeight, healthStatus, metadata }: LbEndpoint) {
  const field = (name: string, key: string) => metadata?.filterMetadata[name]?.[key];
  const tlsMode = field("envoy.transport_socket_match", "tlsMode");
  const workload = field("istio", "workload");
  return {
    address: hostIdentifier.case === "endpoint" ? addressText(hostIdentifier.value.address) : "",
    weight: loadBalancingWeight ?? 0,
    ...(healthStatus === HealthStatus.UNKNOWN ? {} : { health: HealthStatus[healthStatus] }),
    ...(tlsMode === undefined ? {} : { tlsMode }),
    ...(workload === undefined ? {} : { workload }),
  };
}

function addressText(address: Address | undefined): string {
  if (address?.address.case !== "socketAddress") return "";
  const { address: host, portSpecifier } = address.address.value;
  return `${host}:${portSpecifier.case === "portValue" ? portSpecifier.value : 0}`;
}

function condenseListener(listener: Listener) {
  return {
    address: addressText(listener.address),
    direction: TrafficDirection[listener.trafficDirection],
    ...(listener.bindToPort === undefined ? {} : { bindToPort: listener.bindToPort }),
    listenerFilters: listener.listenerFilters.map(({ name }) => name),
    chains: listener.filterChains.map(condenseChain),
    ...(listener.defaultFilterChain === undefined
      ? {}
      : { default: condenseChain(listener.defaultFilterChain) }),
  };
}

function condenseChain({ name, filterChainMatch, transportSocket, filters }: FilterChain) {
  return {
    ...(name === "" ? {} : { name }),
    ...(filterChainMatch === undefined ? {} : { match: toJson(FilterChainMatchSchema, filterChainMatch) }),
    ...(transportSocket === undefined ? {} : { transportSocket: transportSocket.name }),
    filters: filters.map(condenseFilter),
  };
}

function condenseFilter({ name, configType }: Filter) {
  const config: Any | undefined = configType.case === "typedConfig" ? configType.value : undefined;
  const manager = config === undefined ? undefined : anyUnpack(config, HttpConnectionManagerSchema);
  if (manager !== undefined) {
    const { statPrefix, routeSpecifier, httpFilters, tracing } = manager;
    return {
      name,
      statPrefix,
      ...(routeSpecifier.case === "rds" ? { rds: routeSpecifier.value.routeConfigName } : {}),
      ...(routeSpecifier.case === "routeConfig" ? { inlineRoute: routeSpecifier.value.name } : {}),
      httpFilters: httpFilters.map((filter) => filter.name),
      ...(tracing === undefined ? { tracing: "none" } : condenseTracing(tracing)),
    };
  }
  const tcp = config === undefined ? undefined : anyUnpack(config, TcpProxySchema);
  if (tcp === undefined) return { name };
  const { clusterSpecifier: to } = tcp;
  return {
    name,
    ...(to.case === "cluster" ? { cluster: to.value } : {}),
    ...(to.case === "weightedClusters"
      ? { weighted: Object.fromEntries(to.value.clusters.map((item) => [item.name, item.weight])) }
      : {}),
  };
}

/** Without a provider nothing is traced, whatever else is said. */
function condenseTracing({
  provider,
  randomSampling,
  customTags,
  maxPathTagLength,
}: HttpConnectionManager_Tracing) {
  if (provider?.configType.case !== "typedConfig") return {};
  const config = provider.configType.value;
  return {
    tracing: {
      provider: provider.name,
      config: toJson(AnySchema, config, { registry: resourceRegistry }),
      sampling: randomSampling?.value ?? 0,
      tags: customTags.map(({ tag }) => tag),
      ...(maxPathTagLength === undefined ? {} : { maxPathTagLength }),
    },
  };
}

function condenseRoutes({ virtualHosts }: RouteConfiguration) {
  return Object.fromEntries(
    virtualHosts.map(({ name, domains, routes }) => [name, { domains, routes: routes.map(condenseRoute) }]),
  );
}

function condenseRoute(route: Route) {
  const { match, action, typedPerFilterConfig } = route;
  const path = match?.pathSpecifier;
  const filters = Object.keys(typedPerFilterConfig).sort();
  return {
    ...(route.name === "" ? {} : { name: route.name }),
    ...(path?.case === "prefix" ? { prefix: path.value } : {}),
    ...(path?.case === "path" ? { path: path.value } : {}),
    ...(path?.case === "pathSeparatedPrefix" ? { pathSeparatedPrefix: path.value } : {}),
    ...(path?.case === "safeRegex" ? { regex: path.value.regex } : {}),
    ...(match === undefined || match.headers.length === 0
      ? {}
      : { headers: match.headers.map((header) => JSON.stringify(toJson(HeaderMatcherSchema, header))) }),
    ...(action.case === "route" ? condenseAction(action.value) : {}),
    ...(action.case === "directResponse" ? { directResponse: action.value.status } : {}),
    ...(action.case === "redirect" ? { redirect: toJson(RedirectActionSchema, action.value) } : {}),
    ...(filters.length === 0 ? {} : { perFilter: filters }),
  };
}

function condenseAction({
  clusterSpecifier: to,
  timeout,
  retryPolicy,
  requestMirrorPolicies,
  prefixRewrite,
}: RouteAction) {
  return {
    ...(to.case === "cluster" ? { cluster: to.value } : {}),
    ...(to.case === "weightedClusters"
      ? { weighted: Object.fromEntries(to.value.clusters.map(({ name, weight }) => [name, weight ?? 0])) }
      : {}),
    ...(timeout === undefined ? {} : { timeout: durationText(timeout) }),
    ...(retryPolicy === undefined
      ? {}
      : { retries: { on: retryPolicy.retryOn, n: retryPolicy.numRetries ?? 0 } }),
    ...(requestMirrorPolicies.length === 0
      ? {}
      : { mirror: requestMirrorPolicies.map(({ cluster }) => cluster) }),
    ...(prefixRewrite === "" ? {} : { prefixRewrite }),
  };
}

function durationText({ seconds, nanos }: Duration): string {
  const fraction = nanos === 0 ? "" : `.${String(nanos).padStart(9, "0").replace(/0+$/, "")}`;
  return `${seconds}${fraction}s`;
}
