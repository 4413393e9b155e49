import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { HeaderValueOption_HeaderAppendAction } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import type { TypedExtensionConfigSchema } from "../../xds/gen/envoy/config/core/v3/extension_pb.js";
import type { HttpServiceSchema } from "../../xds/gen/envoy/config/core/v3/http_service_pb.js";
import { DatadogConfigSchema } from "../../xds/gen/envoy/config/trace/v3/datadog_pb.js";
import type { Tracing_HttpSchema } from "../../xds/gen/envoy/config/trace/v3/http_tracer_pb.js";
import { OpenTelemetryConfigSchema } from "../../xds/gen/envoy/config/trace/v3/opentelemetry_pb.js";
import { SkyWalkingConfigSchema } from "../../xds/gen/envoy/config/trace/v3/skywalking_pb.js";
import {
  ZipkinConfig_CollectorEndpointVersion,
  ZipkinConfig_TraceContextOption,
  ZipkinConfigSchema,
} from "../../xds/gen/envoy/config/trace/v3/zipkin_pb.js";
import { DynatraceResourceDetectorConfigSchema } from "../../xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector_pb.js";
import { EnvironmentResourceDetectorConfigSchema } from "../../xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.js";
import { DynatraceSamplerConfigSchema } from "../../xds/gen/envoy/extensions/tracers/opentelemetry/samplers/v3/dynatrace_sampler_pb.js";
import { clusterName } from "./names.ts";
import { any, durationOf, optional, seconds } from "./proto.ts";
import { isAtLeast, type ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";

/** Who gets a proxy's spans. */
export interface TracingProvider {
  readonly message: MessageInitShape<typeof Tracing_HttpSchema>;
  /** It decides by itself which requests are traced. */
  readonly hasSampler: boolean;
  /** Requests to upstreams are spans of their own. */
  readonly spawnsUpstreamSpan: boolean;
  /** 0: it says nothing. */
  readonly maxPathTagLength: number;
}

interface Header {
  readonly name?: string;
  readonly value?: string;
}

interface HttpExport {
  readonly path?: string;
  readonly timeout?: string;
  readonly headers?: readonly Header[];
}

interface Service {
  readonly service?: string;
  readonly port?: number;
}

interface Zipkin extends Service, HttpExport {
  readonly maxTagLength?: number;
  readonly enable64bitTraceId?: boolean;
  readonly traceContextOption?: string;
}

interface OpenTelemetry extends Service {
  readonly maxTagLength?: number;
  readonly http?: HttpExport;
  readonly grpc?: { readonly timeout?: string; readonly initialMetadata?: readonly Header[] };
  readonly resourceDetectors?: { readonly environment?: object; readonly dynatrace?: object };
  readonly serviceAttributeEnrichment?: string;
  readonly dynatraceSampler?: {
    readonly tenant?: string;
    readonly clusterId?: number;
    readonly rootSpansPerMinute?: number;
    readonly httpService?: Service & { readonly http?: HttpExport };
  };
}

/** An entry of MeshConfig's extensionProviders, as far as it is about traces. */
interface WrittenProvider {
  readonly zipkin?: Zipkin;
  readonly opentelemetry?: OpenTelemetry;
  readonly datadog?: Service & { readonly maxTagLength?: number };
  readonly skywalking?: Service;
}

/** Where spans go: a service's host and the proxy's cluster for its port. */
interface Collector {
  readonly host: string;
  readonly cluster: string;
}

/**
 * The tracer that an extension provider of MeshConfig stands for: zipkin, opentelemetry, datadog or skywalking.
 * Undefined when it is of another kind, or the proxy has no cluster for its service.
 */
export function tracingProvider(
  scope: Scope,
  proxy: ProxyNode,
  written: Readonly<Record<string, unknown>>,
): TracingProvider | undefined {
  const { zipkin, opentelemetry, datadog, skywalking } = written as WrittenProvider;
  const service = zipkin ?? opentelemetry ?? datadog ?? skywalking;
  const collector = service === undefined ? undefined : collectorOf(scope, service);
  if (collector === undefined) return undefined;
  const spawnsUpstreamSpan = proxy.type === "router" && scope.rules.mesh.spawnsGatewaySpans;
  const common = { hasSampler: false, spawnsUpstreamSpan, maxPathTagLength: 0 };
  if (zipkin !== undefined) {
    const message = tracer(
      "envoy.tracers.zipkin",
      ZipkinConfigSchema,
      zipkinConfig(proxy, zipkin, collector),
    );
    return { ...common, message, maxPathTagLength: zipkin.maxTagLength ?? 0 };
  }
  if (opentelemetry !== undefined) {
    const config = openTelemetryConfig(scope, proxy, opentelemetry, collector);
    if (config === undefined) return undefined;
    return {
      ...common,
      message: tracer("envoy.tracers.opentelemetry", OpenTelemetryConfigSchema, config),
      hasSampler: opentelemetry.dynatraceSampler !== undefined,
      maxPathTagLength: opentelemetry.maxTagLength ?? 0,
    };
  }
  if (datadog !== undefined) {
    const message = tracer("envoy.tracers.datadog", DatadogConfigSchema, {
      collectorCluster: collector.cluster,
      collectorHostname: collector.host,
      serviceName: proxy.serviceCluster,
    });
    return { ...common, message, maxPathTagLength: datadog.maxTagLength ?? 0 };
  }
  const message = tracer("envoy.tracers.skywalking", SkyWalkingConfigSchema, {
    grpcService: grpcTo(collector),
  });
  // A segment of SkyWalking ends where its next one begins, so that requests to upstreams need spans of their own.
  return { ...common, message, spawnsUpstreamSpan: true };
}

function tracer<D extends DescMessage>(name: string, schema: D, init: MessageInitShape<D>) {
  return { name, configType: { case: "typedConfig" as const, value: any(schema, init) } };
}

/** The service that a provider names as "host" or "namespace/host". */
function collectorOf(scope: Scope, { service = "", port = 0 }: Service): Collector | undefined {
  const slash = service.indexOf("/");
  const host = service.slice(slash + 1);
  if (!scope.reaches(host, port)) return undefined;
  if (slash >= 0 && scope.service(host)?.namespace !== service.slice(0, slash)) return undefined;
  return { host, cluster: clusterName("outbound", "", host, port) };
}

/** First Istio whose proxies take a collector as an HTTP service, with timeout and headers. */
const collectorServiceVersion = "1.29";
/** First Istio whose proxies know W3C's headers beside B3's. */
const traceContextVersion = "1.28";

function zipkinConfig(
  proxy: ProxyNode,
  { path, timeout, headers, enable64bitTraceId, traceContextOption }: Zipkin,
  { host, cluster }: Collector,
): MessageInitShape<typeof ZipkinConfigSchema> {
  const endpoint = path || "/api/v2/spans";
  const both = traceContextOption === "USE_B3_WITH_W3C_PROPAGATION" && isAtLeast(proxy, traceContextVersion);
  const { USE_B3, USE_B3_WITH_W3C_PROPAGATION } = ZipkinConfig_TraceContextOption;
  return {
    collectorEndpointVersion: ZipkinConfig_CollectorEndpointVersion.HTTP_JSON,
    traceId128bit: enable64bitTraceId !== true,
    sharedSpanContext: false,
    traceContextOption: both ? USE_B3_WITH_W3C_PROPAGATION : USE_B3,
    ...(isAtLeast(proxy, collectorServiceVersion)
      ? {
          collectorService: {
            httpUri: {
              uri: `http://${host}${endpoint}`,
              httpUpstreamType: { case: "cluster", value: cluster },
              timeout: durationOf(timeout) ?? seconds(5),
            },
            requestHeadersToAdd: headersToAdd(headers),
          },
        }
      : { collectorCluster: cluster, collectorEndpoint: endpoint, collectorHostname: host }),
  };
}

function openTelemetryConfig(
  scope: Scope,
  proxy: ProxyNode,
  written: OpenTelemetry,
  collector: Collector,
): MessageInitShape<typeof OpenTelemetryConfigSchema> | undefined {
  const { http, grpc, dynatraceSampler, resourceDetectors, serviceAttributeEnrichment } = written;
  const isSemantic = serviceAttributeEnrichment === "OTEL_SEMANTIC_CONVENTIONS";
  const sampler = dynatraceSampler === undefined ? undefined : dynatraceSamplerOf(scope, written, collector);
  if (dynatraceSampler !== undefined && sampler === undefined) return undefined;
  return {
    serviceName: isSemantic ? semanticName(proxy) : proxy.serviceCluster,
    ...(http === undefined
      ? {
          grpcService: {
            ...grpcTo(collector),
            ...optional("timeout", durationOf(grpc?.timeout)),
            initialMetadata: (grpc?.initialMetadata ?? []).map(headerValue),
          },
        }
      : { httpService: httpService(collector, http) }),
    resourceDetectors: [
      ...(isSemantic || resourceDetectors?.environment !== undefined
        ? [detector("environment", EnvironmentResourceDetectorConfigSchema)]
        : []),
      ...(resourceDetectors?.dynatrace === undefined
        ? []
        : [detector("dynatrace", DynatraceResourceDetectorConfigSchema)]),
    ],
    ...optional("sampler", sampler),
  };
}

function detector(name: string, schema: DescMessage): MessageInitShape<typeof TypedExtensionConfigSchema> {
  return { name: `envoy.tracers.opentelemetry.resource_detectors.${name}`, typedConfig: any(schema) };
}

/** Asks Dynatrace which requests are traced: at a service of its own, or where the spans go. */
function dynatraceSamplerOf(
  scope: Scope,
  { dynatraceSampler, http }: OpenTelemetry,
  collector: Collector,
): MessageInitShape<typeof TypedExtensionConfigSchema> | undefined {
  const { tenant = "", clusterId = 0, rootSpansPerMinute = 0, httpService: own } = dynatraceSampler ?? {};
  const at = own === undefined ? collector : collectorOf(scope, own);
  const exported = own === undefined ? http && { ...http, path: "api/v2/samplingConfiguration" } : own.http;
  if (at === undefined || exported === undefined) return undefined;
  return {
    name: "envoy.tracers.opentelemetry.samplers.dynatrace",
    typedConfig: any(DynatraceSamplerConfigSchema, {
      tenant,
      clusterId,
      rootSpansPerMinute,
      httpService: httpService(at, exported),
    }),
  };
}

/** Service name by OpenTelemetry's conventions for Kubernetes. */
function semanticName({ annotations, labels, workloadName }: ProxyNode): string {
  return (
    annotations["resource.opentelemetry.io/service.name"] ||
    labels["app.kubernetes.io/instance"] ||
    labels["app.kubernetes.io/name"] ||
    workloadName ||
    "unknown_service"
  );
}

function grpcTo({ host, cluster }: Collector) {
  return {
    targetSpecifier: { case: "envoyGrpc" as const, value: { clusterName: cluster, authority: host } },
  };
}

function httpService(
  { host, cluster }: Collector,
  { path = "", timeout, headers }: HttpExport,
): MessageInitShape<typeof HttpServiceSchema> {
  return {
    httpUri: {
      // Without a scheme, as Istio writes it.
      uri: path === "" ? host : `${host}/${path.replace(/^\/+/, "")}`,
      httpUpstreamType: { case: "cluster", value: cluster },
      ...optional("timeout", durationOf(timeout)),
    },
    requestHeadersToAdd: headersToAdd(headers),
  };
}

/** `envName` means a variable of istiod, which has none of users' here. */
const headerValue = ({ name = "", value = "" }: Header) => ({ key: name, value });

function headersToAdd(headers: readonly Header[] = []) {
  return headers.map((header) => ({
    header: headerValue(header),
    appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
  }));
}
