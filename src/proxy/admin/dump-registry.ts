import {
  create,
  createFileRegistry,
  createRegistry,
  type DescMessage,
  type JsonWriteOptions,
  type Registry,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { FilterConfigSchema as RouteFilterConfigSchema } from "../../xds/gen/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import { FileAccessLogSchema } from "../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from "../../xds/gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js";
import { CorsPolicySchema, CorsSchema } from "../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { FilterConfigSchema as GrpcStatsSchema } from "../../xds/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import {
  RBACPerRouteSchema,
  RBACSchema,
} from "../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { RouterSchema } from "../../xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { HttpInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { OriginalDstSchema } from "../../xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { ProxyProtocolSchema } from "../../xds/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js";
import { TlsInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { HttpConnectionManagerSchema } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { RBACSchema as NetworkRbacSchema } from "../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { TcpProxySchema } from "../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { UuidRequestIdConfigSchema } from "../../xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import { PreviousHostsPredicateSchema } from "../../xds/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "../../xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import { RawBufferSchema } from "../../xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import { SecretSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { HttpProtocolOptionsSchema } from "../../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { FilterConfigSchema as AlpnSchema } from "../../xds/gen/istio/envoy/config/filter/http/alpn/v2alpha1/config_pb.js";
import { TypedStructSchema } from "../../xds/gen/udpa/type/v1/typed_struct_pb.js";

let known: Registry | undefined;
const stubs = new Map<string, DescMessage>();

/**
 * How dumps are written: with the protos' own field names, as Envoy does. Extensions of a type that the proxy
 * has no description of appear with their "@type" alone.
 */
export function dumpOptions(): Partial<JsonWriteOptions> {
  known ??= createRegistry(
    ClusterSchema,
    ClusterLoadAssignmentSchema,
    ListenerSchema,
    RouteFilterConfigSchema,
    RouteConfigurationSchema,
    FileAccessLogSchema,
    StderrAccessLogSchema,
    StdoutAccessLogSchema,
    CorsPolicySchema,
    CorsSchema,
    HTTPFaultSchema,
    GrpcStatsSchema,
    RBACPerRouteSchema,
    RBACSchema,
    RouterSchema,
    HttpInspectorSchema,
    OriginalDstSchema,
    ProxyProtocolSchema,
    TlsInspectorSchema,
    HttpConnectionManagerSchema,
    NetworkRbacSchema,
    TcpProxySchema,
    UuidRequestIdConfigSchema,
    PreviousHostsPredicateSchema,
    ProxyProtocolUpstreamTransportSchema,
    RawBufferSchema,
    SecretSchema,
    DownstreamTlsContextSchema,
    UpstreamTlsContextSchema,
    HttpProtocolOptionsSchema,
    AlpnSchema,
    TypedStructSchema,
  );
  const types = known;
  const registry: Registry = {
    ...types,
    [Symbol.iterator]: () => types[Symbol.iterator](),
    getMessage: (name) => types.getMessage(name) ?? stub(name),
  };
  return { registry, useProtoFieldName: true };
}

/** A message type without fields: enough to print an extension's name. */
function stub(typeName: string): DescMessage | undefined {
  const ready = stubs.get(typeName);
  if (ready !== undefined) return ready;
  const dot = typeName.lastIndexOf(".");
  const file = create(FileDescriptorProtoSchema, {
    name: `${typeName}.proto`,
    package: dot < 0 ? "" : typeName.slice(0, dot),
    syntax: "proto3",
    messageType: [{ name: typeName.slice(dot + 1) }],
  });
  const made = createFileRegistry(file, () => undefined).getMessage(typeName);
  if (made !== undefined) stubs.set(typeName, made);
  return made;
}
