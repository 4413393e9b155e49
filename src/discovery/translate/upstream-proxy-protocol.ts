import { create } from "@bufbuild/protobuf";
import type { Cluster } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { type TransportSocket, TransportSocketSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { ProxyProtocolConfig_Version } from "../../xds/gen/envoy/config/core/v3/proxy_protocol_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "../../xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import type { PortPolicy } from "./config-types.ts";
import { any } from "./proto.ts";
import { rawBuffer } from "./tls-contexts.ts";

/**
 * Begins every connection of a cluster with a PROXY header that says where the client came from, version 1 unless
 * the rule asks for V2; what secures the connections comes after it.
 */
export function applyProxyProtocol(cluster: Cluster, policy: PortPolicy["proxyProtocol"]): void {
  if (policy === undefined) return;
  const version = policy.version === "V2" ? ProxyProtocolConfig_Version.V2 : ProxyProtocolConfig_Version.V1;
  const wrap = (inner: TransportSocket) =>
    create(TransportSocketSchema, {
      name: "envoy.transport_sockets.upstream_proxy_protocol",
      configType: {
        case: "typedConfig",
        value: any(ProxyProtocolUpstreamTransportSchema, { config: { version }, transportSocket: inner }),
      },
    });
  for (const match of cluster.transportSocketMatches)
    if (match.transportSocket !== undefined) match.transportSocket = wrap(match.transportSocket);
  if (cluster.transportSocketMatches.length === 0)
    cluster.transportSocket = wrap(cluster.transportSocket ?? rawBuffer());
}
