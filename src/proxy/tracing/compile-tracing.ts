import { anyIs } from "@bufbuild/protobuf/wkt";
import type { HeaderValueOption } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import type { HttpService } from "../../xds/gen/envoy/config/core/v3/http_service_pb.js";
import type { Tracing_Http } from "../../xds/gen/envoy/config/trace/v3/http_tracer_pb.js";
import {
  type OpenTelemetryConfig,
  OpenTelemetryConfigSchema,
} from "../../xds/gen/envoy/config/trace/v3/opentelemetry_pb.js";
import {
  type ZipkinConfig,
  ZipkinConfig_TraceContextOption,
  ZipkinConfigSchema,
} from "../../xds/gen/envoy/config/trace/v3/zipkin_pb.js";
import type { HttpConnectionManager } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { UuidRequestIdConfigSchema } from "../../xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import type { Percent } from "../../xds/gen/envoy/type/v3/percent_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { milliseconds, unpack } from "../config/wire.ts";
import type { SamplingRules } from "./sample-request.ts";
import type { Collector } from "./span.ts";
import { compileTags, type TagSource } from "./span-tags.ts";
import type { Propagation } from "./trace-context.ts";

/** How a connection manager traces requests. */
export interface TracingRules {
  readonly propagation: Propagation;
  readonly sampling: SamplingRules;
  readonly collector: Collector;
  /** Trace ids of new traces have 32 digits, else 16. */
  readonly hasLongIds: boolean;
  /** Tries at upstreams are spans of their own. */
  readonly spawnsUpstreamSpan: boolean;
  /** Upstreams are not told. */
  readonly keepsContext: boolean;
  readonly tags: readonly TagSource[];
  /** Characters of a path that a span shows. */
  readonly maxPath: number;
}

type Tracer = Pick<TracingRules, "propagation" | "hasLongIds"> & {
  readonly collector: Omit<Collector, "key">;
};

const defaultMaxPath = 256;
const grpcPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/**
 * Compiles how requests are traced; undefined when they are not: nobody gets spans, or a tracer other than Zipkin's and
 * OpenTelemetry's would, which is taken and makes none. Throws ConfigError on what can't be read.
 */
export function compileTracing(
  { tracing, requestIdExtension }: HttpConnectionManager,
  parent: string,
): TracingRules | undefined {
  if (tracing?.provider === undefined) return undefined;
  const where = `${parent}, tracing`;
  const tracer = compileTracer(tracing.provider, where);
  if (tracer === undefined) return undefined;
  const extension = requestIdExtension?.typedConfig;
  const byRequestId =
    extension === undefined || !anyIs(extension, UuidRequestIdConfigSchema)
      ? true
      : (unpack(extension, UuidRequestIdConfigSchema, where).useRequestIdForTraceSampling ?? true);
  return {
    ...tracer,
    collector: { ...tracer.collector, key: JSON.stringify(tracer.collector) },
    sampling: {
      client: hundredths(tracing.clientSampling),
      random: hundredths(tracing.randomSampling),
      overall: hundredths(tracing.overallSampling),
      byRequestId,
    },
    spawnsUpstreamSpan: tracing.spawnUpstreamSpan ?? false,
    keepsContext: tracing.noContextPropagation,
    tags: compileTags(tracing.customTags, where),
    maxPath: tracing.maxPathTagLength ?? defaultMaxPath,
  };
}

const hundredths = (percent: Percent | undefined) => Math.floor((percent?.value ?? 100) * 100);

function compileTracer({ name, configType }: Tracing_Http, where: string): Tracer | undefined {
  const config = configType.case === "typedConfig" ? configType.value : undefined;
  if (config === undefined) throw new ConfigError(`${where}: tracer ${name} without configuration`);
  if (anyIs(config, ZipkinConfigSchema)) return zipkin(unpack(config, ZipkinConfigSchema, where), where);
  if (anyIs(config, OpenTelemetryConfigSchema))
    return openTelemetry(unpack(config, OpenTelemetryConfigSchema, where), where);
  return undefined;
}

function zipkin(config: ZipkinConfig, where: string): Tracer {
  const both = config.traceContextOption === ZipkinConfig_TraceContextOption.USE_B3_WITH_W3C_PROPAGATION;
  const { collectorService, collectorCluster, collectorEndpoint, collectorHostname } = config;
  const common = { format: "zipkin json" as const, serviceName: undefined };
  return {
    propagation: both ? "b3 and w3c" : "b3",
    hasLongIds: config.traceId128bit,
    collector:
      collectorService === undefined
        ? {
            ...common,
            cluster: required(collectorCluster, `${where}: collector_cluster`),
            authority: collectorHostname || collectorCluster,
            path: required(collectorEndpoint, `${where}: collector_endpoint`),
            headers: [],
            timeout: defaultTimeout,
          }
        : { ...common, ...httpCollector(collectorService, where) },
  };
}

const defaultTimeout = 5000;

function openTelemetry(config: OpenTelemetryConfig, where: string): Tracer {
  const { httpService, grpcService } = config;
  const serviceName = config.serviceName || "unknown_service:envoy";
  const common = { propagation: "w3c" as const, hasLongIds: true };
  if (httpService !== undefined)
    return {
      ...common,
      collector: { format: "otlp http", serviceName, ...httpCollector(httpService, where) },
    };
  const to = grpcService?.targetSpecifier;
  if (grpcService === undefined || to?.case !== "envoyGrpc")
    throw new ConfigError(`${where}: OpenTelemetry needs http_service or envoy_grpc`);
  return {
    ...common,
    collector: {
      format: "otlp grpc",
      serviceName,
      cluster: required(to.value.clusterName, `${where}: cluster_name`),
      authority: to.value.authority || to.value.clusterName,
      path: grpcPath,
      headers: grpcService.initialMetadata.flatMap(({ key, value }) => [key.toLowerCase(), value]),
      timeout: milliseconds(grpcService.timeout) || defaultTimeout,
    },
  };
}

function httpCollector({ httpUri, requestHeadersToAdd }: HttpService, where: string) {
  const cluster = httpUri?.httpUpstreamType.value ?? "";
  const [, authority = "", path = ""] = /^(?:[a-z]+:\/\/)?([^/]*)(.*)$/.exec(httpUri?.uri ?? "") ?? [];
  return {
    cluster: required(cluster, `${where}: http_uri.cluster`),
    authority: authority || cluster,
    path: path || "/",
    headers: requestHeadersToAdd.flatMap(fieldOf),
    timeout: milliseconds(httpUri?.timeout) || defaultTimeout,
  };
}

function fieldOf({ header }: HeaderValueOption): string[] {
  return header === undefined || header.key === "" ? [] : [header.key.toLowerCase(), header.value];
}

function required(value: string, what: string): string {
  if (value === "") throw new ConfigError(`${what} is missing`);
  return value;
}
