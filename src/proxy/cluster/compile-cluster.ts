import type { CircuitBreakers_Thresholds } from "../../xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.js";
import {
  type Cluster as ClusterMessage,
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LbPolicy,
} from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { OutlierDetection } from "../../xds/gen/envoy/config/cluster/v3/outlier_detection_pb.js";
import type { TcpKeepalive } from "../../xds/gen/envoy/config/core/v3/address_pb.js";
import { RoutingPriority } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import type { ClusterLoadAssignment } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from "../../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { milliseconds, unpack } from "../config/wire.ts";
import { compilePings, type PingRules } from "../http2/keep-alive.ts";
import { type ClientTls, compileClientTls } from "../tls/connect-tls.ts";
import type { TlsCompiler } from "../tls/tls-settings.ts";
import type { BalancerPolicy } from "./balancer.ts";
import { compileErrorStatuses } from "./error-statuses.ts";
import type { SharingRules } from "./host-set.ts";
import { compileRetryBudget, type RetryBudget } from "./retry-budget.ts";
import { compileSlowStart } from "./slow-start.ts";
import { type ProxyHeaderVersion, unwrapProxyProtocol } from "./upstream-proxy-protocol.ts";

/** Which HTTP version goes upstream; "alpn" leaves it to the handshake, "downstream" follows the client. */
export type UpstreamProtocol = "http1" | "http2" | "downstream" | "alpn";

export interface TransportMatch {
  readonly name: string;
  /** Endpoint metadata that must be present, key and value. */
  readonly match: readonly (readonly [string, string])[];
  readonly tls: ClientTls | undefined;
}

export interface OutlierRules {
  readonly consecutive5xx: number;
  readonly consecutiveGateway: number;
  readonly enforceGateway: boolean;
  readonly enforce5xx: boolean;
  readonly splitLocal: boolean;
  readonly consecutiveLocal: number;
  readonly interval: number;
  readonly baseEjection: number;
  readonly maxEjection: number;
  /** Most hosts that may be out at once, in percent. */
  readonly maxEjectionPercent: number;
  /** One may be out whatever share it is. */
  readonly ejectsOne: boolean;
}

export interface CircuitLimits {
  readonly connections: number;
  readonly pending: number;
  readonly requests: number;
  readonly retries: number;
  /** Replaces `retries`. */
  readonly retryBudget: RetryBudget | undefined;
}

/** A cluster resource as plain data, ready for use. */
export interface ClusterConfig {
  readonly name: string;
  readonly discovery: "eds" | "static" | "strict-dns" | "logical-dns" | "original-dst";
  /** Port that an original destination is dialled at instead of its own. */
  readonly originalPort: number | undefined;
  /** EDS resource name. */
  readonly serviceName: string;
  readonly assignment: ClusterLoadAssignment | undefined;
  readonly connectTimeout: number;
  readonly sharing: SharingRules;
  readonly transports: readonly TransportMatch[];
  readonly defaultTls: ClientTls | undefined;
  /** Connections begin with a PROXY header of this version. */
  readonly proxyHeader: ProxyHeaderVersion | undefined;
  readonly bindAddress: string | undefined;
  /** Milliseconds of silence after which TCP asks whether a host is still there; undefined: never. */
  readonly probeAfter: number | undefined;
  readonly protocol: UpstreamProtocol;
  /** Milliseconds that an idle upstream connection is kept. */
  readonly idleTimeout: number;
  /** Milliseconds after which an upstream HTTP connection takes no more requests; 0 never. */
  readonly maxConnectionDuration: number;
  readonly maxRequestsPerConnection: number;
  /** HTTP/2 connections are asked whether they live. */
  readonly pings: PingRules | undefined;
  readonly autoSni: boolean;
  /** The host's certificate must be for the name that is sent as SNI by `autoSni`. */
  readonly autoSanValidation: boolean;
  readonly outlier: OutlierRules | undefined;
  /** Statuses that count as errors for outlier detection; undefined: those from 500 on. */
  readonly errorStatuses: ReadonlySet<number> | undefined;
  readonly circuit: CircuitLimits;
  readonly dnsRefresh: number;
  /** istio.alpn leaves the handshake's protocols alone. */
  readonly keepsAlpn: boolean;
  /** First entry of istio.services in the metadata: what telemetry calls the destination service. */
  readonly service: { readonly host: string; readonly name: string; readonly namespace: string } | undefined;
  readonly adsSecrets: readonly string[];
}

/** Compiles and checks a Cluster. Throws ConfigError with what Envoy would refuse as well. */
export function compileCluster(message: ClusterMessage, compiler: TlsCompiler): ClusterConfig {
  const { name } = message;
  if (name === "") throw new ConfigError("cluster without a name");
  const { version: proxyHeader, unwrap } = unwrapProxyProtocol(message);
  const transports = message.transportSocketMatches.map((entry) => ({
    name: entry.name,
    match: Object.entries(entry.match ?? {}).map(([key, value]) => [key, String(value)] as const),
    tls: compileClientTls(unwrap(entry.transportSocket), compiler, `${name}: ${entry.name}`),
  }));
  const defaultTls = compileClientTls(unwrap(message.transportSocket), compiler, name);
  const http = httpOptions(message);
  const istio = message.metadata?.filterMetadata["istio"];
  return {
    name,
    ...discoveryOf(message),
    originalPort:
      message.lbConfig.case === "originalDstLbConfig"
        ? message.lbConfig.value.upstreamPortOverride
        : undefined,
    assignment: message.loadAssignment,
    connectTimeout: milliseconds(message.connectTimeout) ?? 5000,
    sharing: {
      policy: policyOf(message),
      panicThreshold: message.commonLbConfig?.healthyPanicThreshold?.value ?? 50,
      overprovisioning: 1.4,
      localityWeighted: message.commonLbConfig?.localityConfigSpecifier.case === "localityWeightedLbConfig",
    },
    transports,
    defaultTls,
    proxyHeader,
    probeAfter: probeAfter(message.upstreamConnectionOptions?.tcpKeepalive),
    bindAddress: message.upstreamBindConfig?.sourceAddress?.address,
    ...http,
    outlier: message.outlierDetection === undefined ? undefined : outlierOf(message.outlierDetection),
    circuit: circuitOf(message),
    dnsRefresh: milliseconds(message.dnsRefreshRate) ?? 5000,
    keepsAlpn: istio?.["alpn_override"] === "false",
    service: serviceOf(istio?.["services"]),
    adsSecrets: [...transports.map(({ tls }) => tls), defaultTls].flatMap(
      (tls) => tls?.settings.adsSecrets ?? [],
    ),
  };
}

function discoveryOf(message: ClusterMessage): Pick<ClusterConfig, "discovery" | "serviceName"> {
  const { name, clusterDiscoveryType: type } = message;
  if (type.case === "clusterType")
    throw new ConfigError(`${name}: unsupported cluster type ${type.value.name}`);
  switch (type.case === "type" ? type.value : DiscoveryType.STATIC) {
    case DiscoveryType.EDS:
      if (message.edsClusterConfig?.edsConfig === undefined) {
        throw new ConfigError(`${name}: EDS cluster without eds_config`);
      }
      return { discovery: "eds", serviceName: message.edsClusterConfig.serviceName || name };
    case DiscoveryType.STRICT_DNS:
      return { discovery: "strict-dns", serviceName: name };
    case DiscoveryType.LOGICAL_DNS:
      return { discovery: "logical-dns", serviceName: name };
    case DiscoveryType.ORIGINAL_DST:
      if (message.lbPolicy !== LbPolicy.CLUSTER_PROVIDED) {
        throw new ConfigError(`${name}: ORIGINAL_DST needs lb_policy CLUSTER_PROVIDED`);
      }
      return { discovery: "original-dst", serviceName: name };
    default:
      return { discovery: "static", serviceName: name };
  }
}

function policyOf(message: ClusterMessage): BalancerPolicy {
  const typed = message.loadBalancingPolicy?.policies[0]?.typedExtensionConfig?.typedConfig?.typeUrl ?? "";
  if (typed.endsWith(".LeastRequest")) return { kind: "least-request", choices: 2 };
  if (typed.endsWith(".RoundRobin")) return { kind: "round-robin" };
  if (typed.endsWith(".Random")) return { kind: "random" };
  if (typed.endsWith(".RingHash")) return { kind: "ring-hash", minSize: 1024, maxSize: 8 * 1024 * 1024 };
  if (typed.endsWith(".Maglev")) return { kind: "maglev", tableSize: 65537 };
  if (typed !== "") throw new ConfigError(`${message.name}: unsupported load balancing policy ${typed}`);
  const { lbConfig } = message;
  switch (message.lbPolicy) {
    case LbPolicy.LEAST_REQUEST:
      return {
        kind: "least-request",
        choices: lbConfig.case === "leastRequestLbConfig" ? (lbConfig.value.choiceCount ?? 2) : 2,
        slowStart: compileSlowStart(
          lbConfig.case === "leastRequestLbConfig" ? lbConfig.value.slowStartConfig : undefined,
        ),
      };
    case LbPolicy.RANDOM:
      return { kind: "random" };
    case LbPolicy.RING_HASH: {
      const ring = lbConfig.case === "ringHashLbConfig" ? lbConfig.value : undefined;
      return {
        kind: "ring-hash",
        minSize: Number(ring?.minimumRingSize ?? 1024),
        maxSize: Math.min(Number(ring?.maximumRingSize ?? 8 * 1024 * 1024), 8 * 1024 * 1024),
      };
    }
    case LbPolicy.MAGLEV:
      return {
        kind: "maglev",
        tableSize: lbConfig.case === "maglevLbConfig" ? Number(lbConfig.value.tableSize ?? 65537) : 65537,
      };
    default:
      return {
        kind: "round-robin",
        slowStart: compileSlowStart(
          lbConfig.case === "roundRobinLbConfig" ? lbConfig.value.slowStartConfig : undefined,
        ),
      };
  }
}

type HttpOptions = Pick<
  ClusterConfig,
  | "protocol"
  | "idleTimeout"
  | "maxConnectionDuration"
  | "maxRequestsPerConnection"
  | "pings"
  | "autoSni"
  | "autoSanValidation"
  | "errorStatuses"
>;

const defaultIdleTimeout = 3_600_000;

function httpOptions(message: ClusterMessage): HttpOptions {
  const any = message.typedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
  if (any === undefined) {
    return {
      protocol: message.http2ProtocolOptions === undefined ? "http1" : "http2",
      idleTimeout: milliseconds(message.commonHttpProtocolOptions?.idleTimeout) ?? defaultIdleTimeout,
      maxConnectionDuration: milliseconds(message.commonHttpProtocolOptions?.maxConnectionDuration) ?? 0,
      maxRequestsPerConnection: message.maxRequestsPerConnection ?? 0,
      pings: compilePings(message.http2ProtocolOptions?.connectionKeepalive),
      autoSni: false,
      autoSanValidation: false,
      errorStatuses: undefined,
    };
  }
  const options = unpack(any, HttpProtocolOptionsSchema, message.name);
  return {
    protocol: protocolOf(options.upstreamProtocolOptions),
    idleTimeout: milliseconds(options.commonHttpProtocolOptions?.idleTimeout) ?? defaultIdleTimeout,
    maxConnectionDuration: milliseconds(options.commonHttpProtocolOptions?.maxConnectionDuration) ?? 0,
    maxRequestsPerConnection:
      options.commonHttpProtocolOptions?.maxRequestsPerConnection ?? message.maxRequestsPerConnection ?? 0,
    pings: compilePings(http2Options(options.upstreamProtocolOptions)?.connectionKeepalive),
    autoSni: options.upstreamHttpProtocolOptions?.autoSni ?? false,
    autoSanValidation: options.upstreamHttpProtocolOptions?.autoSanValidation ?? false,
    errorStatuses: compileErrorStatuses(options.outlierDetection?.errorMatcher, message.name),
  };
}

function protocolOf(options: HttpProtocolOptions["upstreamProtocolOptions"]): UpstreamProtocol {
  switch (options.case) {
    case "explicitHttpConfig":
      return options.value.protocolConfig.case === "http2ProtocolOptions" ? "http2" : "http1";
    case "useDownstreamProtocolConfig":
      return "downstream";
    case "autoConfig":
      return "alpn";
    default:
      return "http1";
  }
}

function http2Options({ case: kind, value }: HttpProtocolOptions["upstreamProtocolOptions"]) {
  if (kind !== "explicitHttpConfig") return value?.http2ProtocolOptions;
  return value.protocolConfig.case === "http2ProtocolOptions" ? value.protocolConfig.value : undefined;
}

/** Linux's tcp_keepalive_time. */
const defaultProbeAfter = 7_200_000;

/** Node offers no more of tcp_keepalive: it probes every second, ten times, whatever the number and interval there. */
function probeAfter(keepalive: TcpKeepalive | undefined): number | undefined {
  if (keepalive === undefined) return undefined;
  return keepalive.keepaliveTime ? keepalive.keepaliveTime * 1000 : defaultProbeAfter;
}

function outlierOf(message: OutlierDetection): OutlierRules {
  const baseEjection = milliseconds(message.baseEjectionTime) ?? 30_000;
  return {
    consecutive5xx: message.consecutive5xx ?? 5,
    enforce5xx: (message.enforcingConsecutive5xx ?? 100) > 0,
    consecutiveGateway: message.consecutiveGatewayFailure ?? 5,
    enforceGateway: (message.enforcingConsecutiveGatewayFailure ?? 0) > 0,
    splitLocal: message.splitExternalLocalOriginErrors,
    consecutiveLocal: message.consecutiveLocalOriginFailure ?? 5,
    interval: milliseconds(message.interval) ?? 10_000,
    baseEjection,
    maxEjection: Math.max(milliseconds(message.maxEjectionTime) ?? 300_000, baseEjection),
    maxEjectionPercent: message.maxEjectionPercent ?? 10,
    ejectsOne: message.alwaysEjectOneHost ?? false,
  };
}

function circuitOf(message: ClusterMessage): CircuitLimits {
  const thresholds: readonly CircuitBreakers_Thresholds[] = message.circuitBreakers?.thresholds ?? [];
  const limits = thresholds.find((threshold) => threshold.priority === RoutingPriority.DEFAULT);
  return {
    connections: limits?.maxConnections ?? 1024,
    pending: limits?.maxPendingRequests ?? 1024,
    requests: limits?.maxRequests ?? 1024,
    retries: limits?.maxRetries ?? 3,
    retryBudget: compileRetryBudget(limits),
  };
}

function serviceOf(services: unknown): ClusterConfig["service"] {
  const first: unknown = Array.isArray(services) ? services[0] : undefined;
  if (typeof first !== "object" || first === null) return undefined;
  const field = (key: string) => String((first as Record<string, unknown>)[key] ?? "");
  return { host: field("host"), name: field("name"), namespace: field("namespace") };
}
