import { create } from "@bufbuild/protobuf";
import { HealthStatus } from "../../xds/gen/envoy/config/core/v3/health_check_pb.js";
import {
  type LbEndpoint,
  LbEndpointSchema,
} from "../../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { withMeshDefaults } from "./cluster-policy.ts";
import type { LoadBalancer, PortPolicy } from "./config-types.ts";
import { type Memory, memoryOf, remember } from "./dependencies.ts";
import { type MergedRule, policyForPort, policyForSubset } from "./destination-rules.ts";
import {
  applyLocality,
  type GatewayWorkload,
  type LocalityGroup,
  localityMessage,
  proxyLabel,
  workloadLabel,
} from "./locality.ts";
import { effectiveLocality, type LocalityRule } from "./locality-rule.ts";
import { isIp } from "./names.ts";
import type { NetworkGateway } from "./network-gateways.ts";
import { socketAddress } from "./proto.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Rules } from "./rules.ts";
import type { Scope } from "./scope.ts";
import type { MeshService } from "./services.ts";
import { type HostEndpoints, localityLabel, type WorkloadEndpoint } from "./workload-endpoints.ts";
import { endpointsOf, type World } from "./world.ts";

/** The endpoints wanted: of a port, perhaps of a subset. `isSni` is the view of an AUTO_PASSTHROUGH gateway. */
export interface EndpointQuery {
  readonly name: string;
  readonly service: MeshService;
  readonly port: number;
  readonly subset: string;
  readonly isSni: boolean;
}

/** An assignment and the groups that it was written from. */
interface Made {
  readonly groups: readonly LocalityGroup[];
  readonly assignment: ClusterLoadAssignment;
}

const memories = new WeakMap<HostEndpoints, Memory<Made>>();
const ruleIds = new WeakMap<MergedRule, number>();
let lastRuleId = 0;

function ruleId(rule: MergedRule | undefined): number {
  if (rule === undefined) return 0;
  let id = ruleIds.get(rule);
  if (id === undefined) {
    id = ++lastRuleId;
    ruleIds.set(rule, id);
  }
  return id;
}

/**
 * The assignment that a proxy gets for a cluster. Proxies that see the same get the same object, as long
 * as neither the host's endpoints nor the rules change.
 */
export function buildAssignment(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  query: EndpointQuery,
): ClusterLoadAssignment {
  const host = endpointsOf(world, query.service);
  const rule = scope.destinationRule(query.service);
  const policy = endpointPolicy(scope.rules, rule, query);
  const key = viewKey(scope.rules, proxy, query, rule, policy);
  const made = remember(memoryOf(memories, host), key, world, scope, (previous): Made => {
    const service = scope.service(query.service.host) ?? query.service;
    const reached = localityGroups(world, scope, proxy, { ...query, service });
    const groups =
      policy.locality === undefined
        ? reached
        : applyLocality(reached, policy.locality, policy.canFail, proxy);
    if (previous !== undefined && sameGroups(previous.groups, groups)) return previous;
    const assignment = create(ClusterLoadAssignmentSchema, {
      clusterName: query.name,
      endpoints: groups.map(localityMessage),
    });
    return { groups, assignment };
  });
  return made.assignment;
}

/** Whether two assignments would say the same. Endpoints' rows are the same objects as long as the endpoints are. */
function sameGroups(a: readonly LocalityGroup[], b: readonly LocalityGroup[]): boolean {
  return (
    a.length === b.length &&
    a.every((group, i) => {
      const other = b[i];
      return (
        other !== undefined &&
        group.weight === other.weight &&
        group.priority === other.priority &&
        localityLabel(group.locality) === localityLabel(other.locality) &&
        group.rows.length === other.rows.length &&
        group.rows.every((row, k) => row === other.rows[k])
      );
    })
  );
}

interface EndpointPolicy {
  readonly canFail: boolean;
  readonly balancer: LoadBalancer | undefined;
  readonly locality: LocalityRule | undefined;
  readonly showsUnhealthy: boolean;
}

function endpointPolicy(rules: Rules, rule: MergedRule | undefined, query: EndpointQuery): EndpointPolicy {
  const policy = trafficPolicyFor(rules, rule, query.subset, query.port);
  const locality = effectiveLocality(rules.mesh, policy?.loadBalancer, query.service);
  return {
    canFail: policy?.outlierDetection !== undefined || locality?.isForced === true,
    balancer: policy?.loadBalancer,
    locality,
    showsUnhealthy: (policy?.outlierDetection?.minHealthPercent ?? 0) <= 0,
  };
}

/** What the rule, its subset and the mesh together say about one port. */
export function trafficPolicyFor(
  rules: Rules,
  rule: MergedRule | undefined,
  subset: string,
  port: number,
): PortPolicy | undefined {
  const general = policyForPort(rule?.trafficPolicy, port);
  const chosen = subset === "" ? undefined : rule?.subsets.find(({ name }) => name === subset);
  return withMeshDefaults(
    chosen === undefined ? general : policyForSubset(general, chosen, port),
    rules.mesh,
  );
}

/** All that a proxy's view of a cluster's endpoints depends on, and nothing more: the fewer views, the more is shared. */
function viewKey(
  rules: Rules,
  proxy: ProxyNode,
  query: EndpointQuery,
  rule: MergedRule | undefined,
  policy: EndpointPolicy,
): string {
  const { setting } = policy.locality ?? {};
  const usesLocality = setting !== undefined && (policy.canFail || setting.distribute !== undefined);
  const labels = (usesLocality ? (setting.failoverPriority ?? []) : []).map(
    (name) => proxyLabel(proxy, name.split("=")[0] ?? "") ?? "",
  );
  const parts = [
    query.name,
    String(ruleId(rule)),
    proxy.network,
    proxy.networkView === undefined ? "*" : [...proxy.networkView].join(","),
    rules.isClusterLocal(query.service.host) ? proxy.clusterId : "",
    usesLocality ? localityLabel(proxy.locality) : "",
    labels.join("\u0001"),
  ];
  return parts.join("\u0000");
}

/** Endpoints by locality as the proxy may reach them, before locality rules. */
export function localityGroups(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  query: EndpointQuery,
): readonly LocalityGroup[] {
  const { service, port, subset } = query;
  const servicePort = service.ports.find((item) => item.port === port);
  if (servicePort === undefined) return [];
  const rule = scope.destinationRule(service);
  const labels = subset === "" ? undefined : rule?.subsets.find(({ name }) => name === subset)?.labels;
  const isDns = service.resolution === "dns" || service.resolution === "dns-round-robin";
  const isLocalOnly = scope.rules.isClusterLocal(service.host);
  const { showsUnhealthy } = endpointPolicy(scope.rules, rule, query);
  const byLocality = new Map<
    string,
    { locality: WorkloadEndpoint["locality"]; endpoints: WorkloadEndpoint[] }
  >();
  for (const endpoint of endpointsOf(world, service).endpoints) {
    if (endpoint.portName !== servicePort.name) continue;
    if (!isDns && !isIp(endpoint.address)) continue;
    if (
      labels !== undefined &&
      Object.entries(labels).some(([name, value]) => workloadLabel(endpoint, name) !== value)
    )
      continue;
    if (
      proxy.networkView !== undefined &&
      endpoint.network !== "" &&
      !proxy.networkView.has(endpoint.network)
    )
      continue;
    if (isLocalOnly && endpoint.clusterId !== proxy.clusterId) continue;
    if (endpoint.health === "draining" || (endpoint.health === "unhealthy" && !showsUnhealthy)) continue;
    const label = localityLabel(endpoint.locality);
    const group = byLocality.get(label);
    if (group === undefined) byLocality.set(label, { locality: endpoint.locality, endpoints: [endpoint] });
    else group.endpoints.push(endpoint);
  }
  const tlsMode = tlsModeOf(rule, subset, port);
  const acceptsMtls = (endpoint: WorkloadEndpoint) => {
    if (endpoint.tlsMode !== "istio") return false;
    if (tlsMode !== undefined) return tlsMode === "ISTIO_MUTUAL";
    return (
      scope.rules.peerPolicies.forWorkload(endpoint.namespace, endpoint.labels).modeForPort(endpoint.port) !==
      "DISABLE"
    );
  };
  return [...byLocality]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, { locality, endpoints }]) =>
      reachable(scope.rules, proxy, locality, endpoints, acceptsMtls, query.isSni),
    );
}

/** TLS mode that a DestinationRule sets for clients, if any. */
export function tlsModeOf(rule: MergedRule | undefined, subset: string, port: number): string | undefined {
  const mode = (policy: MergedRule["trafficPolicy"]) => {
    const level = policy?.portLevelSettings?.find((settings) => settings.port?.number === port)?.tls;
    const tls = level ?? policy?.tls;
    return tls === undefined ? undefined : (tls.mode ?? "DISABLE");
  };
  if (rule === undefined) return undefined;
  if (subset === "") return mode(rule.trafficPolicy);
  const chosen = rule.subsets.find(({ name }) => name === subset);
  return chosen === undefined ? undefined : (mode(chosen.trafficPolicy) ?? mode(rule.trafficPolicy));
}

/**
 * Replaces endpoints of other networks by rows of those networks' gateways, weighted by how many endpoints
 * are behind each. Without mTLS there is no way through a gateway, so such endpoints are left out.
 */
function reachable(
  rules: Rules,
  proxy: ProxyNode,
  locality: WorkloadEndpoint["locality"],
  endpoints: readonly WorkloadEndpoint[],
  acceptsMtls: (endpoint: WorkloadEndpoint) => boolean,
  isSni: boolean,
): LocalityGroup {
  const { networkGateways } = rules;
  const rows: LbEndpoint[] = [];
  const workloads: (WorkloadEndpoint | GatewayWorkload)[] = [];
  const factor = networkGateways.isMultiNetwork ? networkGateways.weightFactor : 1;
  const behind = new Map<NetworkGateway, number>();
  for (const endpoint of endpoints) {
    const isMtls = acceptsMtls(endpoint);
    const gateways = networkGateways.isMultiNetwork
      ? networkGateways.gatewaysFor(endpoint.network, endpoint.clusterId)
      : [];
    const isNear = endpoint.network === "" || proxy.network === "" || endpoint.network === proxy.network;
    // istiod would hand out the pod's own address, which is sure to time out: docs/fidelity.md.
    if (!isNear && networkGateways.isWaiting(endpoint.network)) continue;
    const mustUseGateway = proxy.network === "" && endpoint.network !== "" && gateways.length > 0;
    if (!mustUseGateway && (isNear || gateways.length === 0)) {
      if (isSni && !isMtls) continue;
      rows.push(endpointRow(endpoint, isMtls, factor));
      workloads.push(endpoint);
      continue;
    }
    if (!isMtls) continue;
    const share = Math.floor((endpoint.weight * factor) / gateways.length);
    for (const gateway of gateways) behind.set(gateway, (behind.get(gateway) ?? 0) + share);
  }
  const order = new Map(networkGateways.all.map((gateway, i) => [gateway, i]));
  for (const [gateway, weight] of [...behind].sort(([a], [b]) => (order.get(a) ?? 0) - (order.get(b) ?? 0))) {
    rows.push(gatewayRow(gateway, Math.max(1, weight)));
    workloads.push({ network: gateway.network, clusterId: gateway.clusterId, labels: {} });
  }
  const weight = rows.reduce((sum, row) => Math.min(0xffff_ffff, sum + (row.loadBalancingWeight ?? 0)), 0);
  return { locality, rows, workloads, weight: rows.length === 0 ? undefined : weight, priority: 0 };
}

const rowsOf = new WeakMap<WorkloadEndpoint, Map<string, LbEndpoint>>();

const statuses: Readonly<Record<WorkloadEndpoint["health"], HealthStatus>> = {
  unknown: HealthStatus.UNKNOWN,
  healthy: HealthStatus.HEALTHY,
  unhealthy: HealthStatus.UNHEALTHY,
  draining: HealthStatus.DRAINING,
};

function endpointRow(endpoint: WorkloadEndpoint, isMtls: boolean, factor: number): LbEndpoint {
  const key = `${isMtls}${factor}`;
  let rows = rowsOf.get(endpoint);
  if (rows === undefined) {
    rows = new Map();
    rowsOf.set(endpoint, rows);
  }
  let row = rows.get(key);
  if (row === undefined) {
    const { address, port, clusterId, namespace, workloadName, labels } = endpoint;
    const canonical = canonicalService(labels, workloadName);
    const revision = canonical.revision === "latest" ? "" : canonical.revision;
    row = makeRow(
      address,
      port,
      Math.min(0xffff_ffff, endpoint.weight * factor),
      isMtls ? "istio" : "",
      [workloadName, namespace, canonical.name, revision, clusterId].join(";"),
      statuses[endpoint.health],
    );
    rows.set(key, row);
  }
  return row;
}

const gatewayRows = new WeakMap<NetworkGateway, Map<number, LbEndpoint>>();

function gatewayRow(gateway: NetworkGateway, weight: number): LbEndpoint {
  let rows = gatewayRows.get(gateway);
  if (rows === undefined) {
    rows = new Map();
    gatewayRows.set(gateway, rows);
  }
  let row = rows.get(weight);
  if (row === undefined) {
    const { address, port, clusterId } = gateway;
    row = makeRow(address, port, weight, "istio", `;;;;${clusterId}`, HealthStatus.UNKNOWN);
    rows.set(weight, row);
  }
  return row;
}

function makeRow(
  address: string,
  port: number,
  weight: number,
  tlsMode: string,
  workload: string,
  healthStatus: HealthStatus,
): LbEndpoint {
  return create(LbEndpointSchema, {
    hostIdentifier: {
      case: "endpoint",
      value: {
        address: socketAddress(address, port),
      },
    },
    healthStatus,
    loadBalancingWeight: weight,
    metadata: {
      filterMetadata: {
        ...(tlsMode === "" ? {} : { "envoy.transport_socket_match": { tlsMode } }),
        istio: { workload },
      },
    },
  });
}

/** The name and revision under which telemetry knows a workload. */
export function canonicalService(
  labels: Readonly<Record<string, string>>,
  workloadName: string,
): { readonly name: string; readonly revision: string } {
  return {
    name:
      labels["service.istio.io/canonical-name"] ??
      labels["app.kubernetes.io/name"] ??
      labels["app"] ??
      workloadName,
    revision:
      labels["service.istio.io/canonical-revision"] ??
      labels["app.kubernetes.io/version"] ??
      labels["version"] ??
      "latest",
  };
}
