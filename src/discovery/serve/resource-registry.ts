import { createRegistry, type Registry } from "@bufbuild/protobuf";
import { DatadogConfigSchema } from "../../xds/gen/envoy/config/trace/v3/datadog_pb.js";
import { OpenTelemetryConfigSchema } from "../../xds/gen/envoy/config/trace/v3/opentelemetry_pb.js";
import { SkyWalkingConfigSchema } from "../../xds/gen/envoy/config/trace/v3/skywalking_pb.js";
import { ZipkinConfigSchema } from "../../xds/gen/envoy/config/trace/v3/zipkin_pb.js";
import { FileAccessLogSchema } from "../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { CorsPolicySchema, CorsSchema } from "../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { FilterConfigSchema as GrpcStatsSchema } from "../../xds/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import { JwtAuthenticationSchema } from "../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { RBACSchema as HttpRbacSchema } from "../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { RouterSchema } from "../../xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { ConfigSchema as HttpSetFilterStateSchema } from "../../xds/gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js";
import { HttpInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { OriginalDstSchema } from "../../xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { TlsInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { HttpConnectionManagerSchema } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { RBACSchema as NetworkRbacSchema } from "../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { ConfigSchema as NetworkSetFilterStateSchema } from "../../xds/gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js";
import { TcpProxySchema } from "../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { CaresDnsResolverConfigSchema } from "../../xds/gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js";
import { UriTemplateMatchConfigSchema } from "../../xds/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import { UuidRequestIdConfigSchema } from "../../xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import { PreviousHostsPredicateSchema } from "../../xds/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { PreviousPrioritiesConfigSchema } from "../../xds/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js";
import { DynatraceResourceDetectorConfigSchema } from "../../xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector_pb.js";
import { EnvironmentResourceDetectorConfigSchema } from "../../xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.js";
import { DynatraceSamplerConfigSchema } from "../../xds/gen/envoy/extensions/tracers/opentelemetry/samplers/v3/dynatrace_sampler_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "../../xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import { RawBufferSchema } from "../../xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { HttpProtocolOptionsSchema } from "../../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { FilterConfigSchema as AlpnSchema } from "../../xds/gen/istio/envoy/config/filter/http/alpn/v2alpha1/config_pb.js";
import { TypedStructSchema } from "../../xds/gen/udpa/type/v1/typed_struct_pb.js";

/** Every message type that translation packs into an Any, for showing resources as JSON. */
export const resourceRegistry: Registry = createRegistry(
  FileAccessLogSchema,
  CorsPolicySchema,
  CorsSchema,
  HTTPFaultSchema,
  GrpcStatsSchema,
  HttpRbacSchema,
  JwtAuthenticationSchema,
  RouterSchema,
  HttpSetFilterStateSchema,
  HttpInspectorSchema,
  OriginalDstSchema,
  TlsInspectorSchema,
  HttpConnectionManagerSchema,
  NetworkRbacSchema,
  NetworkSetFilterStateSchema,
  TcpProxySchema,
  CaresDnsResolverConfigSchema,
  UriTemplateMatchConfigSchema,
  UuidRequestIdConfigSchema,
  PreviousHostsPredicateSchema,
  PreviousPrioritiesConfigSchema,
  ProxyProtocolUpstreamTransportSchema,
  RawBufferSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
  HttpProtocolOptionsSchema,
  DatadogConfigSchema,
  OpenTelemetryConfigSchema,
  SkyWalkingConfigSchema,
  ZipkinConfigSchema,
  DynatraceResourceDetectorConfigSchema,
  EnvironmentResourceDetectorConfigSchema,
  DynatraceSamplerConfigSchema,
  AlpnSchema,
  TypedStructSchema,
);
