import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { type Node, NodeSchema } from "../../../xds/gen/envoy/config/core/v3/base_pb.js";

export interface BootstrapOptions {
  readonly node: Node;
  /** Unix socket of the agent's ADS and SDS. */
  readonly agentSocket: string;
  /** Unix socket to be made for the admin interface. */
  readonly adminSocket: string;
  /** The pod's address: connections to other workloads come from it. */
  readonly address: string;
}

const type = (name: string) => `type.googleapis.com/${name}`;
/** Far above what one pod has; without a limit Envoy warns at every start. */
const mostConnections = 100_000;

/** Envoy's bootstrap configuration: where its admin interface, its agent and everything else are. */
export function envoyBootstrap({ node, agentSocket, adminSocket, address }: BootstrapOptions): JsonObject {
  const overAds = { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" };
  return {
    node: toJson(NodeSchema, node),
    admin: { address: { pipe: { path: adminSocket, mode: 0o600 } } },
    dynamic_resources: {
      lds_config: overAds,
      cds_config: overAds,
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: "xds-grpc",
              retry_policy: { retry_back_off: { base_interval: "0.05s", max_interval: "5s" } },
            },
          },
        ],
      },
    },
    static_resources: {
      clusters: ["xds-grpc", "sds-grpc"].map((name) => agentCluster(name, agentSocket)),
    },
    cluster_manager: { upstream_bind_config: { source_address: { address, port_value: 0 } } },
    // Counters of clusters that see no traffic take no memory.
    deferred_stat_options: { enable_deferred_creation_stats: true },
    overload_manager: {
      resource_monitors: [
        {
          name: "envoy.resource_monitors.global_downstream_max_connections",
          typed_config: {
            "@type": type(
              "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
            ),
            max_active_downstream_connections: mostConnections,
          },
        },
      ],
    },
    layered_runtime: {
      layers: [{ name: "static", static_layer: { "re2.max_program_size.error_level": 32768 } }],
    },
  };
}

/** The agent by one of the names under which Istio's resources know it. */
function agentCluster(name: string, path: string): JsonObject {
  const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    typed_extension_protocol_options: {
      [options]: { "@type": type(options), explicit_http_config: { http2_protocol_options: {} } },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }],
    },
  };
}
