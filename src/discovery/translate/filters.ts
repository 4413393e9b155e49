import { create, type JsonObject } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  type Filter as ClusterFilter,
  FilterSchema as ClusterFilterSchema,
} from "../../xds/gen/envoy/config/cluster/v3/filter_pb.js";
import { type Filter, FilterSchema } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { CorsSchema } from "../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { FilterConfigSchema as GrpcStatsSchema } from "../../xds/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import { RouterSchema } from "../../xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { ConfigSchema as HttpSetFilterStateSchema } from "../../xds/gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { ConfigSchema as NetworkSetFilterStateSchema } from "../../xds/gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js";
import {
  FilterConfigSchema as AlpnSchema,
  FilterConfig_Protocol,
} from "../../xds/gen/istio/envoy/config/filter/http/alpn/v2alpha1/config_pb.js";
import { TypedStructSchema } from "../../xds/gen/udpa/type/v1/typed_struct_pb.js";
import { any, lazy } from "./proto.ts";

/** ALPN of HTTP requests inside the mesh, by what the upstream connection speaks. */
export const meshAlpn = {
  http10: ["istio-http/1.0", "istio", "http/1.0"],
  http11: ["istio-http/1.1", "istio", "http/1.1"],
  http2: ["istio-h2", "istio", "h2"],
  tcp: ["istio-peer-exchange", "istio"],
} as const;

/** What a mesh client's TLS may offer: these select the chains that end mTLS. */
export const allMeshAlpn = [
  "istio",
  "istio-peer-exchange",
  "istio-http/1.0",
  "istio-http/1.1",
  "istio-h2",
] as const;
export const meshHttpAlpn = ["istio-http/1.0", "istio-http/1.1", "istio-h2"] as const;
export const plainHttpAlpn = ["http/1.1", "h2c"] as const;

/** Configuration of a filter that has no protobuf type of its own here. */
export function typedStruct(typeName: string, value: JsonObject): Any {
  return any(TypedStructSchema, { typeUrl: `type.googleapis.com/${typeName}`, value });
}

export function networkFilter(name: string, config: Any): Filter {
  return create(FilterSchema, { name, configType: { case: "typedConfig", value: config } });
}

export function httpFilter(name: string, config: Any): HttpFilter {
  return create(HttpFilterSchema, { name, configType: { case: "typedConfig", value: config } });
}

const exchange = lazy(() =>
  typedStruct("envoy.tcp.metadataexchange.config.MetadataExchange", {
    enable_discovery: true,
    protocol: "istio-peer-exchange",
  }),
);

/** Tells the other side of an mTLS TCP connection who is calling. */
export const metadataExchange = lazy(() => networkFilter("istio.metadata_exchange", exchange()));

/** The same for connections that a cluster opens. */
export const clusterMetadataExchange = lazy(
  (): ClusterFilter =>
    create(ClusterFilterSchema, { name: "istio.metadata_exchange", typedConfig: exchange() }),
);

const peerMetadata = (direction: "downstream" | "upstream") =>
  httpFilter(
    "istio.metadata_exchange",
    typedStruct("io.istio.http.peer_metadata.Config", {
      [`${direction}_discovery`]: [{ istio_headers: {} }, { workload_discovery: {} }],
      [`${direction}_propagation`]: [{ istio_headers: {} }],
    }),
  );

export const inboundPeerMetadata = lazy(() => peerMetadata("downstream"));
export const outboundPeerMetadata = lazy(() => peerMetadata("upstream"));

export const grpcStats = lazy(() =>
  httpFilter(
    "envoy.filters.http.grpc_stats",
    any(GrpcStatsSchema, {
      emitFilterState: true,
      perMethodStatSpecifier: { case: "statsForAllMethods", value: { value: false } },
    }),
  ),
);

/** Istio's filter that offers upstream an ALPN that says which HTTP is spoken. */
export const alpn = lazy(() =>
  httpFilter(
    "istio.alpn",
    any(AlpnSchema, {
      alpnOverride: [
        { upstreamProtocol: FilterConfig_Protocol.HTTP10, alpnOverride: [...meshAlpn.http10] },
        { upstreamProtocol: FilterConfig_Protocol.HTTP11, alpnOverride: [...meshAlpn.http11] },
        { upstreamProtocol: FilterConfig_Protocol.HTTP2, alpnOverride: [...meshAlpn.http2] },
      ],
    }),
  ),
);

export const fault = lazy(() => httpFilter("envoy.filters.http.fault", any(HTTPFaultSchema)));
export const cors = lazy(() => httpFilter("envoy.filters.http.cors", any(CorsSchema)));
export const router = lazy(() => httpFilter("envoy.filters.http.router", any(RouterSchema)));

/** Istio's request metrics. */
export const httpStats = lazy(() => httpFilter("istio.stats", typedStruct("stats.PluginConfig", {})));
export const networkStats = lazy(() => networkFilter("istio.stats", typedStruct("stats.PluginConfig", {})));

const applicationProtocols = (protocols: readonly string[]) => ({
  key: { case: "objectKey" as const, value: "envoy.network.application_protocols" },
  value: {
    case: "formatString" as const,
    value: {
      format: {
        case: "textFormatSource" as const,
        value: { specifier: { case: "inlineString" as const, value: protocols.join(",") } },
      },
    },
  },
});

/** Stock Envoy: makes HTTP/2 requests offer the mesh's ALPN for HTTP/2, as istio.alpn would. */
export const stockHttp2Alpn = lazy(() =>
  httpFilter(
    "envoy.filters.http.set_filter_state",
    any(HttpSetFilterStateSchema, { onRequestHeaders: [applicationProtocols(meshAlpn.http2)] }),
  ),
);

/** Stock Envoy: makes a TCP connection offer the mesh's ALPN for TCP to a cluster that also serves HTTP. */
export const stockTcpAlpn = lazy(() =>
  networkFilter(
    "envoy.filters.network.set_filter_state",
    any(NetworkSetFilterStateSchema, { onNewConnection: [applicationProtocols(meshAlpn.tcp)] }),
  ),
);
