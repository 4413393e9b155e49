import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Filter } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { TcpProxySchema } from "../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { accessLogs, hasPrometheusMetrics } from "./access-log.ts";
import type { RouteDestination } from "./config-types.ts";
import type { MergedRule } from "./destination-rules.ts";
import { policyForPort, policyForSubset } from "./destination-rules.ts";
import { networkFilter, networkStats, stockTcpAlpn } from "./filters.ts";
import { any, durationOf } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import { destinationCluster } from "./route-destination.ts";
import type { Scope } from "./scope.ts";

/** A tcp_proxy to one cluster, with what comes before it. */
export function tcpProxy(
  scope: Scope,
  proxy: ProxyNode,
  cluster: string,
  options: {
    readonly log?: boolean;
    readonly statPrefix?: string;
    readonly rule?: MergedRule | undefined;
    readonly port?: number;
    readonly subset?: string;
  } = {},
): Filter[] {
  return tcpFilters(scope, proxy, options.log ?? true, {
    statPrefix: options.statPrefix ?? cluster,
    clusterSpecifier: { case: "cluster", value: cluster },
    ...tcpPolicy(options.rule, options.subset ?? "", options.port ?? 0),
  });
}

function tcpPolicy(rule: MergedRule | undefined, subset: string, port: number) {
  const general = policyForPort(rule?.trafficPolicy, port);
  const chosen = rule?.subsets.find(({ name }) => name === subset);
  const policy = chosen === undefined ? general : policyForSubset(general, chosen, port);
  const idle = durationOf(rule?.trafficPolicy?.connectionPool?.tcp?.idleTimeout);
  const longest = durationOf(rule?.trafficPolicy?.connectionPool?.tcp?.maxConnectionDuration);
  return {
    ...(idle === undefined ? {} : { idleTimeout: idle }),
    ...(longest === undefined ? {} : { maxDownstreamConnectionDuration: longest }),
    ...(policy?.loadBalancer?.consistentHash?.useSourceIp === true
      ? { hashPolicy: [{ policySpecifier: { case: "sourceIp" as const, value: {} } }] }
      : {}),
  };
}

function tcpFilters(
  scope: Scope,
  proxy: ProxyNode,
  log: boolean,
  config: MessageInitShape<typeof TcpProxySchema>,
): Filter[] {
  const filters: Filter[] = [];
  if (!proxy.isStock && hasPrometheusMetrics(scope.rules, proxy)) filters.push(networkStats());
  filters.push(
    networkFilter(
      "envoy.filters.network.tcp_proxy",
      any(TcpProxySchema, { ...config, accessLog: log ? accessLogs(scope.rules, proxy) : [] }),
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
      tcpProxy(scope, proxy, cluster, { rule, port: listenPort, subset: first.destination.subset ?? "" }),
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
      ...tcpPolicy(rule, "", listenPort),
    }),
  );
}

/** Stock Envoy: says TCP to clusters whose TLS would say HTTP. */
export function stockAlpn(proxy: ProxyNode): Filter[] {
  return proxy.isStock ? [stockTcpAlpn()] : [];
}
