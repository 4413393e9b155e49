import { create } from "@bufbuild/protobuf";
import type { Protocol } from "../../kube/index.ts";
import { ApiVersion } from "../../xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { Filter } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import type { RouteConfiguration } from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManager_ServerHeaderTransformation,
  HttpConnectionManagerSchema,
  type HttpFilter,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { UuidRequestIdConfigSchema } from "../../xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import { accessLogs } from "./access-log.ts";
import {
  alpn,
  cors,
  fault,
  grpcStats,
  httpStats,
  inboundPeerMetadata,
  networkFilter,
  outboundPeerMetadata,
  router,
  stockHttp2Alpn,
} from "./filters.ts";
import { any, lazy, milliseconds, optional } from "./proto.ts";
import { isHttp2 } from "./protocol.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";
import { hasPrometheusMetrics } from "./telemetry-rules.ts";
import { tracingOf } from "./tracing.ts";

export interface ConnectionManagerOptions {
  readonly side: "inbound" | "outbound" | "gateway";
  readonly statPrefix: string;
  readonly routes: { readonly rds: string } | { readonly inline: RouteConfiguration };
  readonly protocol: Protocol;
  /** Filters that find out who asks, and whether they may. */
  readonly access: readonly HttpFilter[];
  /** Stock Envoy: the requests are HTTP/2 and the upstream follows. */
  readonly offersHttp2Alpn?: boolean;
}

const sideOf = (side: ConnectionManagerOptions["side"]) => (side === "inbound" ? "SERVER" : "CLIENT");

const routeNames = new WeakMap<Filter, string>();

/** An HTTP connection manager as Istio sets it up for each side. */
export function connectionManager(scope: Scope, proxy: ProxyNode, options: ConnectionManagerOptions): Filter {
  const manager = makeManager(scope, proxy, options);
  const filter = networkFilter(
    "envoy.filters.network.http_connection_manager",
    any(HttpConnectionManagerSchema, manager),
  );
  if ("rds" in options.routes) routeNames.set(filter, options.routes.rds);
  return filter;
}

/** Names of the route tables that a listener made here asks for. */
export function listenerRoutes({ filterChains, defaultFilterChain }: Listener): string[] {
  const chains = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
  return chains.flatMap(({ filters }) => filters.flatMap((filter: Filter) => routeNames.get(filter) ?? []));
}

const sampledById = lazy(() => any(UuidRequestIdConfigSchema, { useRequestIdForTraceSampling: true }));
const sampledAnew = lazy(() => any(UuidRequestIdConfigSchema, { useRequestIdForTraceSampling: false }));

function makeManager(
  scope: Scope,
  proxy: ProxyNode,
  options: ConnectionManagerOptions,
): HttpConnectionManager {
  const { mesh } = scope.rules;
  const { side, statPrefix, routes } = options;
  const tracing = tracingOf(scope, proxy, sideOf(side));
  const { pathNormalization } = mesh;
  const merges = pathNormalization === "MERGE_SLASHES" || pathNormalization === "DECODE_AND_MERGE_SLASHES";
  const actions = HttpConnectionManager_PathWithEscapedSlashesAction;
  return create(HttpConnectionManagerSchema, {
    statPrefix,
    routeSpecifier:
      "rds" in routes
        ? {
            case: "rds",
            value: {
              routeConfigName: routes.rds,
              configSource: {
                configSourceSpecifier: { case: "ads", value: {} },
                initialFetchTimeout: milliseconds(0),
                resourceApiVersion: ApiVersion.V3,
              },
            },
          }
        : { case: "routeConfig", value: routes.inline },
    httpFilters: httpFilters(scope, proxy, options),
    accessLog: accessLogs(scope.rules, proxy, sideOf(side)),
    ...optional("tracing", tracing.message),
    requestIdExtension: { typedConfig: (tracing.samplesByRequestId ? sampledById : sampledAnew)() },
    normalizePath: pathNormalization !== "NONE",
    mergeSlashes: merges,
    pathWithEscapedSlashesAction:
      pathNormalization === "DECODE_AND_MERGE_SLASHES"
        ? actions.UNESCAPE_AND_FORWARD
        : actions.KEEP_UNCHANGED,
    useRemoteAddress: side === "gateway",
    upgradeConfigs: [{ upgradeType: "websocket" }],
    streamIdleTimeout: milliseconds(0),
    proxy100Continue: true,
    ...(proxy.settings.hasNoRequestId === true ? { generateRequestId: false } : {}),
    ...sideFields(side, options.protocol, proxy),
  });
}

function sideFields(side: ConnectionManagerOptions["side"], protocol: Protocol, { settings }: ProxyNode) {
  const details = HttpConnectionManager_ForwardClientCertDetails;
  const { serverName = "istio-envoy" } = settings;
  const passesServer = serverName === "";
  const server = {
    ...(passesServer
      ? { serverHeaderTransformation: HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH }
      : { serverName }),
  };
  switch (side) {
    case "outbound":
      return settings.serverName === undefined ? {} : server;
    case "inbound":
      return {
        ...server,
        forwardClientCertDetails: settings.inboundClientCert ?? details.APPEND_FORWARD,
        setCurrentClientCertDetails: { subject: true, uri: true, dns: true },
        ...(isHttp2(protocol) ? { http2ProtocolOptions: {} } : {}),
      };
    default:
      return {
        ...server,
        ...(settings.trustedProxies === undefined ? {} : { xffNumTrustedHops: settings.trustedProxies }),
        forwardClientCertDetails: settings.gatewayClientCert ?? details.SANITIZE_SET,
        setCurrentClientCertDetails: { subject: true, cert: true, dns: true, uri: true },
        httpProtocolOptions: {},
      };
  }
}

function httpFilters(
  scope: Scope,
  proxy: ProxyNode,
  { side, access, offersHttp2Alpn }: ConnectionManagerOptions,
): HttpFilter[] {
  const isIstio = !proxy.isStock;
  const filters: HttpFilter[] = [];
  if (isIstio) filters.push(side === "inbound" ? inboundPeerMetadata() : outboundPeerMetadata());
  filters.push(...access, grpcStats());
  if (side !== "inbound" && isIstio) filters.push(alpn());
  if (offersHttp2Alpn === true && proxy.isStock) filters.push(stockHttp2Alpn());
  filters.push(fault(), cors());
  if (isIstio && hasPrometheusMetrics(scope.rules, proxy, sideOf(side))) filters.push(httpStats());
  filters.push(router());
  return filters;
}
