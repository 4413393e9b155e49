import { isIP } from "node:net";
import type { Locality, Metadata } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { HealthStatus } from "../../xds/gen/envoy/config/core/v3/health_check_pb.js";
import type {
  LbEndpoint,
  LocalityLbEndpoints,
} from "../../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import type {
  ClusterLoadAssignment,
  ClusterLoadAssignment_Policy,
} from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { socketAddress } from "../config/wire.ts";
import type { EdsHealth } from "./host.ts";

/** One endpoint of an assignment as plain data; its address may still be a host name. */
export interface EndpointFacts {
  readonly address: string;
  readonly port: number;
  readonly isName: boolean;
  /** The name that `address` was looked up for. */
  readonly hostname: string | undefined;
  readonly weight: number;
  readonly health: EdsHealth;
  readonly priority: number;
  readonly locality: string;
  readonly localityWeight: number;
  /** Metadata for transport_socket_matches, endpoint over locality. */
  readonly match: Readonly<Record<string, string>>;
  readonly workload: string | undefined;
}

export interface Assignment {
  readonly endpoints: readonly EndpointFacts[];
  /** Percent, of policy.overprovisioning_factor. */
  readonly overprovisioning: number;
}

/** Reads and checks a load assignment. Throws ConfigError. */
export function readAssignment(message: ClusterLoadAssignment): Assignment {
  const groups: readonly LocalityLbEndpoints[] = message.endpoints;
  const policy: ClusterLoadAssignment_Policy | undefined = message.policy;
  return {
    endpoints: groups.flatMap((group) => {
      const endpoints: readonly LbEndpoint[] = group.lbEndpoints;
      const locality = localityName(group.locality);
      return endpoints.map((endpoint) => readEndpoint(endpoint, group, locality, message.clusterName));
    }),
    overprovisioning: policy?.overprovisioningFactor ?? 140,
  };
}

function readEndpoint(
  endpoint: LbEndpoint,
  group: LocalityLbEndpoints,
  locality: string,
  name: string,
): EndpointFacts {
  if (endpoint.hostIdentifier.case !== "endpoint")
    throw new ConfigError(`${name}: named endpoints are not supported`);
  const { address, port } = socketAddress(endpoint.hostIdentifier.value.address, name);
  const weight = endpoint.loadBalancingWeight ?? 1;
  if (weight < 1) throw new ConfigError(`${name}: load_balancing_weight must be at least 1`);
  return {
    address,
    port,
    isName: isIP(address) === 0,
    hostname: isIP(address) === 0 ? address : endpoint.hostIdentifier.value.hostname || undefined,
    weight,
    health: healthOf(endpoint.healthStatus),
    priority: group.priority,
    locality,
    localityWeight: group.loadBalancingWeight ?? 0,
    match: { ...matchMetadata(group.metadata), ...matchMetadata(endpoint.metadata) },
    workload: textField(endpoint.metadata?.filterMetadata["istio"], "workload"),
  };
}

function matchMetadata(metadata: Metadata | undefined): Record<string, string> {
  const fields = metadata?.filterMetadata["envoy.transport_socket_match"];
  if (fields === undefined) return {};
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, String(value)]));
}

function textField(fields: unknown, key: string): string | undefined {
  if (typeof fields !== "object" || fields === null) return undefined;
  const value = (fields as Record<string, unknown>)[key];
  return typeof value === "string" ? value : undefined;
}

function localityName(locality: Locality | undefined): string {
  return locality === undefined ? "" : `${locality.region}/${locality.zone}/${locality.subZone}`;
}

function healthOf(status: HealthStatus): EdsHealth {
  switch (status) {
    case HealthStatus.UNHEALTHY:
    case HealthStatus.TIMEOUT:
      return "unhealthy";
    case HealthStatus.DRAINING:
      return "draining";
    case HealthStatus.DEGRADED:
      return "degraded";
    default:
      return "healthy";
  }
}
