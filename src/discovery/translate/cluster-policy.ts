import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { parseGoDuration } from "../../base/index.ts";
import type { Protocol } from "../../kube/index.ts";
import {
  type CircuitBreakers_ThresholdsSchema,
  CircuitBreakersSchema,
} from "../../xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.js";
import {
  type Cluster,
  Cluster_CommonLbConfig_LocalityWeightedLbConfigSchema,
  Cluster_CommonLbConfig_ZoneAwareLbConfigSchema,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  Cluster_LeastRequestLbConfigSchema,
  Cluster_MaglevLbConfigSchema,
  Cluster_RingHashLbConfigSchema,
  Cluster_RoundRobinLbConfigSchema,
  type Cluster_SlowStartConfigSchema,
  UpstreamConnectionOptionsSchema,
} from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import {
  type OutlierDetection,
  OutlierDetectionSchema,
} from "../../xds/gen/envoy/config/cluster/v3/outlier_detection_pb.js";
import type { MatchPredicateSchema } from "../../xds/gen/envoy/config/common/matcher/v3/matcher_pb.js";
import type { KeepaliveSettingsSchema } from "../../xds/gen/envoy/config/core/v3/protocol_pb.js";
import type { HttpProtocolOptions_OutlierDetectionSchema } from "../../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { PercentSchema } from "../../xds/gen/envoy/type/v3/percent_pb.js";
import type {
  ConnectionPool,
  LoadBalancer,
  OutlierDetection as OutlierPolicy,
  PortPolicy,
} from "./config-types.ts";
import { effectiveLocality } from "./locality-rule.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { durationOf, milliseconds, optional } from "./proto.ts";
import { isHttp } from "./protocol.ts";
import type { MeshService } from "./services.ts";

const noLimit = 0xffff_ffff;

/** A cluster while it is being made: HTTP options become an Any only at the end. */
export interface ClusterDraft {
  readonly cluster: Cluster;
  http: HttpDraft | undefined;
}

/** How requests are sent upstream. */
export interface HttpDraft {
  version: "http1" | "http2" | "downstream" | undefined;
  idleTimeout?: number;
  maxRequestsPerConnection?: number;
  maxConnectionDuration?: number;
  maxConcurrentStreams?: number;
  http2Keepalive?: MessageInitShape<typeof KeepaliveSettingsSchema>;
  /** Which answers count as errors beside the usual ones. */
  outlierDetection?: MessageInitShape<typeof HttpProtocolOptions_OutlierDetectionSchema>;
  autoSni?: boolean;
  autoSanValidation?: boolean;
}

/** The draft's HTTP options, made when missing. */
export function httpDraft(draft: ClusterDraft): HttpDraft {
  draft.http ??= { version: undefined };
  return draft.http;
}

/** Whether the upstream is made to speak HTTP/2 although its port doesn't say so. */
export function upgradesToHttp2(
  pool: ConnectionPool | undefined,
  protocol: Protocol,
  mesh: MeshConfig,
): boolean {
  if (pool?.http?.useClientProtocol === true) return false;
  if (pool?.http?.h2UpgradePolicy === "UPGRADE") return true;
  if (pool?.http?.h2UpgradePolicy === "DO_NOT_UPGRADE") return false;
  return isHttp(protocol) && mesh.h2Upgrade;
}

/** Connection pool limits and timeouts. Without a policy there is no limit at all. */
export function applyConnectionPool(
  draft: ClusterDraft,
  pool: ConnectionPool | undefined,
  mesh: MeshConfig,
  retryBudget?: PortPolicy["retryBudget"],
): void {
  const { cluster } = draft;
  const { http, tcp } = pool ?? {};
  const positive = (value: number | undefined) => (value !== undefined && value > 0 ? value : noLimit);
  const threshold: MessageInitShape<typeof CircuitBreakers_ThresholdsSchema> = {
    maxConnections: positive(tcp?.maxConnections),
    maxPendingRequests: positive(http?.http1MaxPendingRequests),
    maxRequests: positive(http?.http2MaxRequests),
    maxRetries: positive(http?.maxRetries),
    ...(retryBudget === undefined ? {} : { retryBudget: budgetOf(retryBudget) }),
  };
  cluster.connectTimeout = durationOf(tcp?.connectTimeout) ?? milliseconds(mesh.connectTimeout);
  cluster.circuitBreakers = circuitBreakers(threshold);
  const keepalive = tcp?.tcpKeepalive ?? mesh.tcpKeepalive;
  if (keepalive !== undefined) {
    const wholeSeconds = (text: string | undefined) =>
      text === undefined ? undefined : Math.round((parseGoDuration(text) ?? 0) / 1000);
    cluster.upstreamConnectionOptions = upstreamConnectionOptions(
      keepalive.probes,
      wholeSeconds(keepalive.time),
      wholeSeconds(keepalive.interval),
    );
  }
  const idle = parseGoDuration(http?.idleTimeout ?? tcp?.idleTimeout);
  const duration = parseGoDuration(tcp?.maxConnectionDuration);
  if (idle !== undefined) httpDraft(draft).idleTimeout = idle;
  if (duration !== undefined) httpDraft(draft).maxConnectionDuration = duration;
  if ((http?.maxRequestsPerConnection ?? 0) > 0)
    httpDraft(draft).maxRequestsPerConnection = http?.maxRequestsPerConnection ?? 0;
  if ((http?.maxConcurrentStreams ?? 0) > 0)
    httpDraft(draft).maxConcurrentStreams = http?.maxConcurrentStreams ?? 0;
  if (http?.http2KeepAlive !== undefined)
    httpDraft(draft).http2Keepalive = {
      ...optional("interval", durationOf(http.http2KeepAlive.interval)),
      ...optional("timeout", durationOf(http.http2KeepAlive.timeout)),
    };
  if (http?.useClientProtocol === true) httpDraft(draft).version = "downstream";
}

/** How many requests may be tried again at a time, as a share of those that run. */
function budgetOf({ percent, budgetInterval, minRetryConcurrency }: NonNullable<PortPolicy["retryBudget"]>) {
  return {
    budgetPercent: { value: percent ?? 20 },
    minRetryConcurrency: (minRetryConcurrency ?? 0) > 0 ? (minRetryConcurrency ?? 0) : 3,
    ...optional("budgetInterval", durationOf(budgetInterval)),
  };
}

/** Passive health checks. Panic mode is off unless the rule asks for it. */
export function applyOutlierDetection(draft: ClusterDraft, policy: OutlierPolicy | undefined): void {
  if (policy === undefined) return;
  const { cluster } = draft;
  const made: OutlierDetection = create(OutlierDetectionSchema, { enforcingSuccessRate: 0 });
  const consecutive = policy.consecutive5xxErrors ?? undefined;
  if (consecutive !== undefined) {
    made.consecutive5xx = consecutive;
    made.enforcingConsecutive5xx = consecutive > 0 ? 100 : 0;
  }
  const gateway = policy.consecutiveGatewayErrors ?? undefined;
  if (gateway !== undefined) {
    made.consecutiveGatewayFailure = gateway;
    made.enforcingConsecutiveGatewayFailure = gateway > 0 ? 100 : 0;
  }
  const interval = durationOf(policy.interval);
  if (interval !== undefined) made.interval = interval;
  const ejection = durationOf(policy.baseEjectionTime);
  if (ejection !== undefined) made.baseEjectionTime = ejection;
  if ((policy.maxEjectionPercent ?? 0) > 0) made.maxEjectionPercent = policy.maxEjectionPercent ?? 0;
  if (policy.splitExternalLocalOriginErrors === true) {
    made.splitExternalLocalOriginErrors = true;
    const local = policy.consecutiveLocalOriginFailures ?? 0;
    if (local > 0) {
      made.consecutiveLocalOriginFailure = local;
      made.enforcingConsecutiveLocalOriginFailure = 100;
    }
    made.enforcingLocalOriginSuccessRate = 0;
  }
  cluster.outlierDetection = made;
  const codes = policy.outlierDetectionHttpErrorCodes ?? [];
  if (codes.length > 0) httpDraft(draft).outlierDetection = { errorMatcher: anyStatus(codes) };
  if (cluster.commonLbConfig !== undefined) {
    cluster.commonLbConfig.healthyPanicThreshold = create(PercentSchema, {
      value: policy.minHealthPercent ?? 0,
    });
  }
}

/** Answers with one of these status codes. */
function anyStatus(codes: readonly number[]): MessageInitShape<typeof MatchPredicateSchema> {
  const rules = codes.map((code) => ({
    rule: {
      case: "httpResponseHeadersMatch" as const,
      value: {
        headers: [
          {
            name: ":status",
            headerMatchSpecifier: {
              case: "stringMatch" as const,
              value: { matchPattern: { case: "exact" as const, value: String(code) } },
            },
          },
        ],
      },
    },
  }));
  const [only, ...others] = rules;
  return only !== undefined && others.length === 0 ? only : { rule: { case: "orMatch", value: { rules } } };
}

/** Balancer, hashing and locality weights. */
export function applyLoadBalancer(
  cluster: Cluster,
  balancer: LoadBalancer | undefined,
  service: MeshService,
  mesh: MeshConfig,
): void {
  if (cluster.lbPolicy === Cluster_LbPolicy.CLUSTER_PROVIDED) return;
  const common = cluster.commonLbConfig;
  if (common !== undefined) {
    common.healthyPanicThreshold ??= create(PercentSchema, { value: 0 });
    const locality = effectiveLocality(mesh, balancer, service);
    const fails = locality?.isForced === true || cluster.outlierDetection !== undefined;
    const { failover, failoverPriority, distribute } = locality?.setting ?? {};
    if (locality?.zoneAware !== undefined) {
      const { isOn, minClusterSize } = locality.zoneAware;
      common.localityConfigSpecifier = {
        case: "zoneAwareLbConfig",
        value: create(Cluster_CommonLbConfig_ZoneAwareLbConfigSchema, {
          ...(isOn ? {} : { routingEnabled: { value: 0 } }),
          ...optional("minClusterSize", minClusterSize === undefined ? undefined : BigInt(minClusterSize)),
        }),
      };
    } else if (
      (fails && (failover !== undefined || failoverPriority !== undefined)) ||
      distribute !== undefined
    ) {
      common.localityConfigSpecifier = {
        case: "localityWeightedLbConfig",
        value: create(Cluster_CommonLbConfig_LocalityWeightedLbConfigSchema),
      };
    }
  }
  if (isOriginalDst(cluster)) {
    cluster.lbPolicy = Cluster_LbPolicy.CLUSTER_PROVIDED;
    return;
  }
  switch (balancer?.simple) {
    case "RANDOM":
      cluster.lbPolicy = Cluster_LbPolicy.RANDOM;
      break;
    case "ROUND_ROBIN":
      cluster.lbPolicy = Cluster_LbPolicy.ROUND_ROBIN;
      break;
    case "PASSTHROUGH":
      cluster.lbPolicy = Cluster_LbPolicy.CLUSTER_PROVIDED;
      cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST };
      delete cluster.loadAssignment;
      return;
    default:
      cluster.lbPolicy = Cluster_LbPolicy.LEAST_REQUEST;
  }
  applySlowStart(cluster, balancer);
  applyHashing(cluster, balancer);
}

function applySlowStart(cluster: Cluster, balancer: LoadBalancer | undefined): void {
  const window = durationOf(balancer?.warmup?.duration ?? balancer?.warmupDurationSecs);
  if (window === undefined) return;
  const slowStartConfig = {
    slowStartWindow: window,
    ...(balancer?.warmup === undefined
      ? {}
      : {
          aggression: { defaultValue: balancer.warmup.aggression ?? 1, runtimeKey: "(" },
          minWeightPercent: { value: balancer.warmup.minimumPercent ?? 10 },
        }),
  };
  if (cluster.lbPolicy === Cluster_LbPolicy.ROUND_ROBIN)
    cluster.lbConfig = { case: "roundRobinLbConfig", value: roundRobin(slowStartConfig) };
  if (cluster.lbPolicy === Cluster_LbPolicy.LEAST_REQUEST)
    cluster.lbConfig = { case: "leastRequestLbConfig", value: leastRequest(slowStartConfig) };
}

function applyHashing(cluster: Cluster, balancer: LoadBalancer | undefined): void {
  const hash = balancer?.consistentHash;
  if (hash === undefined) return;
  if (hash.maglev !== undefined) {
    cluster.lbPolicy = Cluster_LbPolicy.MAGLEV;
    const size = hash.maglev.tableSize ?? 0;
    if (size > 0) {
      cluster.lbConfig = {
        case: "maglevLbConfig",
        value: create(Cluster_MaglevLbConfigSchema, { tableSize: BigInt(size) }),
      };
    }
    return;
  }
  cluster.lbPolicy = Cluster_LbPolicy.RING_HASH;
  // The older way to say it has a default of its own.
  const smallest = hash.ringHash === undefined ? hash.minimumRingSize || 1024 : hash.ringHash.minimumRingSize;
  if (smallest === undefined || smallest === 0) return;
  cluster.lbConfig = {
    case: "ringHashLbConfig",
    value: create(Cluster_RingHashLbConfigSchema, { minimumRingSize: BigInt(smallest) }),
  };
}

/** Whether connections go to the address that the client dialled. */
export function isOriginalDst(cluster: Cluster): boolean {
  return (
    cluster.clusterDiscoveryType.case === "type" &&
    cluster.clusterDiscoveryType.value === Cluster_DiscoveryType.ORIGINAL_DST
  );
}

/** The mesh's own connection pool and outlier detection where a policy has none. */
export function withMeshDefaults(policy: PortPolicy | undefined, mesh: MeshConfig): PortPolicy | undefined {
  const { connectionPool, outlierDetection } = mesh.defaultTrafficPolicy ?? {};
  if (connectionPool === undefined && outlierDetection === undefined) return policy;
  return {
    ...(connectionPool === undefined ? {} : { connectionPool }),
    ...(outlierDetection === undefined ? {} : { outlierDetection }),
    ...policy,
  };
}

const circuitBreakers = (threshold: MessageInitShape<typeof CircuitBreakers_ThresholdsSchema>) =>
  create(CircuitBreakersSchema, { thresholds: [threshold] });
const upstreamConnectionOptions = (probes?: number, time?: number, interval?: number) =>
  create(UpstreamConnectionOptionsSchema, {
    tcpKeepalive: {
      ...(probes === undefined ? {} : { keepaliveProbes: probes }),
      ...(time === undefined ? {} : { keepaliveTime: time }),
      ...(interval === undefined ? {} : { keepaliveInterval: interval }),
    },
  });
const roundRobin = (slowStartConfig: MessageInitShape<typeof Cluster_SlowStartConfigSchema>) =>
  create(Cluster_RoundRobinLbConfigSchema, { slowStartConfig });
const leastRequest = (slowStartConfig: MessageInitShape<typeof Cluster_SlowStartConfigSchema>) =>
  create(Cluster_LeastRequestLbConfigSchema, { slowStartConfig });
