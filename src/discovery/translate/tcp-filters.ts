import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Filter } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { TcpProxySchema } from "../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { accessLogs } from "./access-log.ts";
import type { PortPolicy, RouteDestination } from "./config-types.ts";
import type { MergedRule } from "./destination-rules.ts";
import { networkFilter, networkStats, stockTcpAlpn } from "./filters.ts";
import { any, durationOf, optional } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { destinationCluster } from "./route-destination.ts";
import type { Scope } from "./scope.ts";
import { hasPrometheusMetrics, type TelemetrySide } from "./telemetry-rules.ts";

/** A tcp_proxy to one cluster, with what comes before it. */
export function tcpProxy(
  scope: Scope,
  proxy: ProxyNode,
  cluster: string,
  options: {
    readonly log?: boolean;
    readonly statPrefix?: string;
    readonly rule?: MergedRule | undefined;
    readonly subset?: string;
    /** Leaves the rule's tunnel out: the connection is passed on as it comes. */
    readonly skipsTunnel?: boolean;
    readonly side?: TelemetrySide;
  } = {},
): Filter[] {
  const { log = true, statPrefix = cluster, rule, subset = "", skipsTunnel = false } = options;
  const { tunnelingConfig, ...policy } = tcpPolicy(rule, subset);
  const config = {
    statPrefix,
    clusterSpecifier: { case: "cluster" as const, value: cluster },
    ...policy,
    ...(skipsTunnel ? {} : optional("tunnelingConfig", tunnelingConfig)),
  };
  return tcpFilters(scope, proxy, log, config, options.side);
}

/** What a rule says of the connections themselves. Settings of a single port have no part in it. */
function tcpPolicy(rule: MergedRule | undefined, subset: string) {
  const { connectionPool, loadBalancer, tunnel } = rule?.trafficPolicy ?? {};
  const chosen = rule?.subsets.find(({ name }) => name === subset)?.trafficPolicy;
  const hash = (chosen?.loadBalancer ?? loadBalancer)?.consistentHash;
  return {
    ...optional("idleTimeout", durationOf(connectionPool?.tcp?.idleTimeout)),
    ...optional("maxDownstreamConnectionDuration", durationOf(connectionPool?.tcp?.maxConnectionDuration)),
    ...optional("tunnelingConfig", tunnelOf(subset === "" ? tunnel : chosen?.tunnel)),
    ...(hash?.useSourceIp === true
      ? { hashPolicy: [{ policySpecifier: { case: "sourceIp" as const, value: {} } }] }
      : {}),
  };
}

/** An HTTP tunnel to another host, by CONNECT unless POST is asked for. */
function tunnelOf(tunnel: PortPolicy["tunnel"]) {
  if (tunnel === undefined) return undefined;
  const { protocol, targetHost, targetPort } = tunnel;
  const host = targetHost.includes(":") ? `[${targetHost}]` : targetHost;
  return { hostname: `${host}:${targetPort}`, usePost: protocol === "POST" };
}

function tcpFilters(
  scope: Scope,
  proxy: ProxyNode,
  log: boolean,
  config: MessageInitShape<typeof TcpProxySchema>,
  side: TelemetrySide = "CLIENT",
): Filter[] {
  const filters: Filter[] = [];
  if (!proxy.isStock && hasPrometheusMetrics(scope.rules, proxy, side)) filters.push(networkStats());
  filters.push(
    networkFilter(
      "envoy.filters.network.tcp_proxy",
      any(TcpProxySchema, { ...config, accessLog: log ? accessLogs(scope.rules, proxy, side) : [] }),
    ),
  );
  return filters;
}

/** Filters that send a TCP connection where a VirtualService's route says, split by weight. */
export function routedTcpFilters(
  scope: Scope,
  proxy: ProxyNode,
  routes: readonly RouteDestination[],
  listenPort: number,
  owner: { readonly name: string; readonly namespace: string },
): Filter[] {
  const [first, ...others] = routes;
  if (first === undefined) return [];
  const service = scope.service(first.destination.host);
  const rule = service === undefined ? undefined : scope.destinationRule(service);
  if (others.length === 0) {
    const cluster = destinationCluster(scope, first.destination, listenPort);
    return stockAlpn(proxy).concat(
      tcpProxy(scope, proxy, cluster, { rule, subset: first.destination.subset ?? "" }),
    );
  }
  return stockAlpn(proxy).concat(
    tcpFilters(scope, proxy, true, {
      statPrefix: `${owner.name}.${owner.namespace}`,
      clusterSpecifier: {
        case: "weightedClusters",
        value: {
          clusters: routes
            .filter(({ weight }) => (weight ?? 0) > 0)
            .map(({ destination, weight }) => ({
              name: destinationCluster(scope, destination, listenPort),
              weight: weight ?? 0,
            })),
        },
      },
      ...tcpPolicy(rule, ""),
    }),
  );
}

/** Stock Envoy: says TCP to clusters whose TLS would say HTTP. */
export function stockAlpn(proxy: ProxyNode): Filter[] {
  return proxy.isStock ? [stockTcpAlpn()] : [];
}
