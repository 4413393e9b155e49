import { readFileSync } from "node:fs";
import path from "node:path";
import {
  createRegistry,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { ClusterSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { type Node, NodeSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { ClusterLoadAssignmentSchema } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "../../xds/gen/envoy/config/route/v3/route_pb.js";
import { DatadogConfigSchema } from "../../xds/gen/envoy/config/trace/v3/datadog_pb.js";
import { OpenTelemetryConfigSchema } from "../../xds/gen/envoy/config/trace/v3/opentelemetry_pb.js";
import { ZipkinConfigSchema } from "../../xds/gen/envoy/config/trace/v3/zipkin_pb.js";
import { FileAccessLogSchema } from "../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { CorsPolicySchema, CorsSchema } from "../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { FilterConfigSchema as GrpcStatsSchema } from "../../xds/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import { RBACSchema as HttpRbacSchema } from "../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { RouterSchema } from "../../xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { HttpInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { OriginalDstSchema } from "../../xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { TlsInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { HttpConnectionManagerSchema } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { RBACSchema as NetworkRbacSchema } from "../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { TcpProxySchema } from "../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { UuidRequestIdConfigSchema } from "../../xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import { PreviousHostsPredicateSchema } from "../../xds/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "../../xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import { RawBufferSchema } from "../../xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { HttpProtocolOptionsSchema } from "../../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { FilterConfigSchema as AlpnSchema } from "../../xds/gen/istio/envoy/config/filter/http/alpn/v2alpha1/config_pb.js";
import { NameTableSchema } from "../../xds/gen/istio/networking/nds/v1/nds_pb.js";
import { TypedStructSchema } from "../../xds/gen/udpa/type/v1/typed_struct_pb.js";
import { type TypeUrl, typeUrls } from "../../xds/index.ts";

/** Everything that an istiod sent to one proxy, as proto JSON. */
export interface GoldenProxy {
  cluster: JsonValue[];
  endpoint: JsonValue[];
  listener: JsonValue[];
  route: JsonValue[];
  nametable: JsonValue[];
  node: JsonValue;
}

const registry = createRegistry(
  DatadogConfigSchema,
  OpenTelemetryConfigSchema,
  ZipkinConfigSchema,
  FileAccessLogSchema,
  CorsPolicySchema,
  CorsSchema,
  HTTPFaultSchema,
  GrpcStatsSchema,
  HttpRbacSchema,
  RouterSchema,
  HttpInspectorSchema,
  OriginalDstSchema,
  TlsInspectorSchema,
  HttpConnectionManagerSchema,
  NetworkRbacSchema,
  TcpProxySchema,
  UuidRequestIdConfigSchema,
  PreviousHostsPredicateSchema,
  ProxyProtocolUpstreamTransportSchema,
  RawBufferSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
  HttpProtocolOptionsSchema,
  AlpnSchema,
  NameTableSchema,
  TypedStructSchema,
);

/** Reads testdata/NAME.json. */
export function readGolden(name: string): GoldenProxy {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, "../testdata", `${name}.json`), "utf8"));
}

const kinds = {
  cluster: [typeUrls.cluster, ClusterSchema, "name"],
  endpoint: [typeUrls.endpoint, ClusterLoadAssignmentSchema, "clusterName"],
  listener: [typeUrls.listener, ListenerSchema, "name"],
  route: [typeUrls.route, RouteConfigurationSchema, "name"],
  nametable: [typeUrls.nameTable, NameTableSchema, ""],
} as const satisfies Record<string, readonly [TypeUrl, DescMessage, string]>;

/** The resources in the form in which they travel: by type and name. */
export function toResources(golden: GoldenProxy): Map<TypeUrl, Map<string, Uint8Array>> {
  const resources = new Map<TypeUrl, Map<string, Uint8Array>>();
  for (const [kind, [type, schema, nameField]] of Object.entries(kinds)) {
    const list = golden[kind as keyof typeof kinds];
    const named = new Map<string, Uint8Array>();
    for (const json of list) {
      const plain = { ...(json as Record<string, JsonValue>) };
      delete plain["@type"];
      const name = nameField === "" ? "nametable" : String(plain[nameField]);
      named.set(name, encode(schema, plain));
    }
    resources.set(type, named);
  }
  return resources;
}

function encode(schema: DescMessage, json: JsonValue): Uint8Array {
  const message: Message = fromJson(schema, json, { registry });
  return toBinary(schema, message);
}

/** Proto JSON of one resource as bytes. */
export function encodeResource(kind: keyof typeof kinds, json: JsonValue): Uint8Array {
  return encode(kinds[kind][1], json);
}

export function readNode(golden: GoldenProxy): Node {
  const { id, cluster, metadata } = golden.node as { id: string; cluster: string; metadata: JsonValue };
  return fromJson(NodeSchema, { id, cluster, metadata });
}
