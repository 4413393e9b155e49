import { create, type JsonObject } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  Cluster_EdsClusterConfigSchema,
  Cluster_LbPolicy,
  Cluster_OriginalDstLbConfigSchema,
  ClusterSchema,
} from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { MetadataSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { ApiVersion } from "../../xds/gen/envoy/config/core/v3/config_source_pb.js";
import { ClusterLoadAssignmentSchema } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { CaresDnsResolverConfigSchema } from "../../xds/gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js";
import { HttpProtocolOptionsSchema } from "../../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import {
  applyConnectionPool,
  applyLoadBalancer,
  applyOutlierDetection,
  type ClusterDraft,
  type HttpDraft,
  httpDraft,
  isOriginalDst,
  upgradesToHttp2,
} from "./cluster-policy.ts";
import { configPath } from "./config-metadata.ts";
import { type Memory, memoryOf, remember } from "./dependencies.ts";
import { localityGroups, trafficPolicyFor } from "./endpoints.ts";
import { clusterMetadataExchange } from "./filters.ts";
import { applyLocality, localityMessage } from "./locality.ts";
import { effectiveLocality } from "./locality-rule.ts";
import { clusterName, sniName } from "./names.ts";
import { any, lazy, milliseconds, optional } from "./proto.ts";
import { isHttp2 } from "./protocol.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";
import type { MeshService, ServicePort } from "./services.ts";
import { applyProxyProtocol } from "./upstream-proxy-protocol.ts";
import { applyUpstreamTls, overridesAlpn } from "./upstream-tls.ts";
import type { World } from "./world.ts";

const httpOptionsName = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Clusters to every service, port and subset that the proxy may call. */
export function outboundClusters(world: World, scope: Scope, proxy: ProxyNode): Cluster[] {
  return scope.services.flatMap((service) => keptClusters(world, scope, proxy, service, "plain"));
}

/** The clusters of an AUTO_PASSTHROUGH gateway: TLS goes through untouched, so there is no TLS of their own. */
export function sniClusters(world: World, scope: Scope, proxy: ProxyNode): Cluster[] {
  return scope.services
    .filter(({ isExternal }) => !isExternal)
    .flatMap((service) => keptClusters(world, scope, proxy, service, "sni"));
}

const memories = new WeakMap<object, Memory<readonly Cluster[]>>();

/** The clusters of a service, the same ones as long as what they are made of is. Those with endpoints inside are made anew. */
function keptClusters(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  service: MeshService,
  mode: "plain" | "sni",
): readonly Cluster[] {
  const make = () => clustersOf(world, scope, proxy, service, mode);
  if (service.resolution !== "endpoints") return make();
  return remember(memoryOf(memories, service), `${mode} ${proxy.type} ${proxy.isStock}`, world, scope, make);
}

function clustersOf(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  service: MeshService,
  mode: "plain" | "sni",
): Cluster[] {
  if (service.resolution === "alias") return [];
  const rule = scope.destinationRule(service);
  return service.ports.flatMap((port) => {
    if (port.protocol === "udp") return [];
    const subsets = ["", ...(rule?.subsets ?? []).map(({ name }) => name)];
    return subsets.flatMap((subset) => buildCluster(world, scope, proxy, service, port, subset, mode) ?? []);
  });
}

function buildCluster(
  world: World,
  scope: Scope,
  proxy: ProxyNode,
  service: MeshService,
  port: ServicePort,
  subset: string,
  mode: "plain" | "sni",
): Cluster | undefined {
  const { rules } = scope;
  const { mesh } = rules;
  const rule = scope.destinationRule(service);
  const policy = trafficPolicyFor(rules, rule, subset, port.port);
  const sni = sniName(subset, service.host, port.port);
  const name = mode === "sni" ? sni : clusterName("outbound", subset, service.host, port.port);
  const istio: Record<string, JsonObject[string]> = { services: [serviceMetadata(service)] };
  const cluster = create(ClusterSchema, {
    name,
    altStatName: `${name};`,
    clusterDiscoveryType: { case: "type", value: discoveryType(proxy, service) },
    commonLbConfig: {},
  });
  const draft: ClusterDraft = { cluster, http: undefined };
  if (
    isDns(cluster) &&
    !applyDns(world, scope, proxy, cluster, { name, service, port: port.port, subset, isSni: mode === "sni" })
  )
    return undefined;
  if (isHttp2(port.protocol)) httpDraft(draft).version = "http2";
  else if (port.protocol === "" && proxy.type === "sidecar") httpDraft(draft).version = "downstream";
  if (upgradesToHttp2(policy?.connectionPool, port.protocol, mesh)) httpDraft(draft).version ??= "http2";
  applyConnectionPool(draft, policy?.connectionPool, mesh, policy?.retryBudget);
  applyOutlierDetection(draft, policy?.outlierDetection);
  applyLoadBalancer(cluster, policy?.loadBalancer, service, mesh);
  if (mode === "plain") {
    const identities = identitiesOf(scope, service);
    applyUpstreamTls(draft, {
      world,
      scope,
      proxy,
      service,
      protocol: port.protocol,
      policy,
      sni,
      identities,
      hasSelector: rule?.selector !== undefined,
    });
    applyProxyProtocol(cluster, policy?.proxyProtocol);
  }
  if (isOriginalDst(cluster)) {
    cluster.lbPolicy = Cluster_LbPolicy.CLUSTER_PROVIDED;
    // The client dials the port of the ServiceEntry; the target may listen on another one.
    if (service.registry === "External" && port.targetPort !== port.port) {
      const upstreamPortOverride = Number(port.targetPort);
      cluster.lbConfig = {
        case: "originalDstLbConfig",
        value: create(Cluster_OriginalDstLbConfigSchema, { upstreamPortOverride }),
      };
    }
  }
  if (isEds(cluster)) cluster.edsClusterConfig = edsConfig(name);
  if (!proxy.isStock) cluster.filters = [clusterMetadataExchange()];
  if (service.isExternal && subset === "") istio["external"] = true;
  if (rule !== undefined) {
    istio["config"] = configPath("destination-rule", rule);
    if (overridesAlpn(policy?.tls)) istio["alpn_override"] = "false";
  }
  if (subset !== "") istio["subset"] = subset;
  cluster.metadata = create(MetadataSchema, { filterMetadata: { istio } });
  return finish(draft);
}

function serviceMetadata(service: MeshService): JsonObject {
  return { host: service.host, name: service.name, namespace: service.namespace };
}

function discoveryType(proxy: ProxyNode, service: MeshService): Cluster_DiscoveryType {
  switch (service.resolution) {
    case "dns":
      return Cluster_DiscoveryType.STRICT_DNS;
    case "dns-round-robin":
      return Cluster_DiscoveryType.LOGICAL_DNS;
    case "passthrough":
      // A router has no original destination, so it balances over the endpoints that are known.
      return proxy.type === "sidecar" ? Cluster_DiscoveryType.ORIGINAL_DST : Cluster_DiscoveryType.EDS;
    default:
      return Cluster_DiscoveryType.EDS;
  }
}

const typeOf = (cluster: Cluster) =>
  cluster.clusterDiscoveryType.case === "type" ? cluster.clusterDiscoveryType.value : undefined;
const isDns = (cluster: Cluster) =>
  typeOf(cluster) === Cluster_DiscoveryType.STRICT_DNS ||
  typeOf(cluster) === Cluster_DiscoveryType.LOGICAL_DNS;

/** Whether a cluster's endpoints come by EDS. */
export function isEds(cluster: Cluster): boolean {
  return typeOf(cluster) === Cluster_DiscoveryType.EDS;
}

const resolver = lazy(() => ({
  name: "envoy.network.dns_resolver.cares",
  typedConfig: any(CaresDnsResolverConfigSchema, { udpMaxQueries: 100 }),
}));

type Query = Parameters<typeof localityGroups>[3];

/** Fills in what a DNS cluster needs; false when there is no name to look up. */
function applyDns(world: World, scope: Scope, proxy: ProxyNode, cluster: Cluster, query: Query): boolean {
  const groups = localityGroups(world, scope, proxy, query);
  const policy = trafficPolicyFor(
    scope.rules,
    scope.destinationRule(query.service),
    query.subset,
    query.port,
  );
  const locality = effectiveLocality(scope.rules.mesh, policy?.loadBalancer, query.service);
  const applied =
    locality === undefined
      ? groups
      : applyLocality(groups, locality, policy?.outlierDetection !== undefined || locality.isForced, proxy);
  const endpoints = applied.map(localityMessage);
  if (endpoints.length === 0) return false;
  cluster.loadAssignment = create(ClusterLoadAssignmentSchema, { clusterName: query.name, endpoints });
  cluster.dnsLookupFamily = Cluster_DnsLookupFamily.V4_ONLY;
  const made = create(ClusterSchema, { typedDnsResolverConfig: resolver() });
  if (made.typedDnsResolverConfig !== undefined) cluster.typedDnsResolverConfig = made.typedDnsResolverConfig;
  cluster.dnsRefreshRate = milliseconds(scope.rules.mesh.dnsRefreshRate);
  cluster.respectDnsTtl = true;
  return true;
}

function edsConfig(name: string) {
  return create(Cluster_EdsClusterConfigSchema, {
    serviceName: name,
    edsConfig: {
      configSourceSpecifier: { case: "ads", value: {} },
      initialFetchTimeout: milliseconds(0),
      resourceApiVersion: ApiVersion.V3,
    },
  });
}

/** SPIFFE identities of the workloads behind a service, in every trust domain of the mesh, sorted. */
export function identitiesOf(scope: Scope, service: MeshService): readonly string[] {
  const { mesh } = scope.rules;
  const domains = [mesh.trustDomain, ...mesh.trustDomainAliases];
  const identities = new Set<string>();
  for (const written of service.subjectAltNames) {
    identities.add(written);
    const path = /^spiffe:\/\/[^/]+\/(ns\/[^/]+\/sa\/[^/]+)$/.exec(written)?.[1];
    if (path !== undefined)
      for (const domain of mesh.trustDomainAliases) identities.add(`spiffe://${domain}/${path}`);
  }
  for (const account of scope.rules.accountsOf(service)) {
    const [namespace = "", name = ""] = account.split("/");
    for (const domain of domains) identities.add(`spiffe://${domain}/ns/${namespace}/sa/${name}`);
  }
  return [...identities].sort();
}

/** Turns a draft into the message. */
export function finish({ cluster, http }: ClusterDraft): Cluster {
  if (http !== undefined) cluster.typedExtensionProtocolOptions = { [httpOptionsName]: httpOptions(http) };
  return cluster;
}

function httpOptions(http: HttpDraft): Any {
  const http2 = {
    ...(http.maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams: http.maxConcurrentStreams }),
    ...(http.http2Keepalive === undefined ? {} : { connectionKeepalive: http.http2Keepalive }),
  };
  const common = {
    ...(http.idleTimeout === undefined ? {} : { idleTimeout: milliseconds(http.idleTimeout) }),
    ...(http.maxRequestsPerConnection === undefined
      ? {}
      : { maxRequestsPerConnection: http.maxRequestsPerConnection }),
    ...(http.maxConnectionDuration === undefined
      ? {}
      : { maxConnectionDuration: milliseconds(http.maxConnectionDuration) }),
  };
  return any(HttpProtocolOptionsSchema, {
    ...optional("outlierDetection", http.outlierDetection),
    ...(Object.keys(common).length === 0 ? {} : { commonHttpProtocolOptions: common }),
    ...(http.autoSni === undefined && http.autoSanValidation === undefined
      ? {}
      : {
          upstreamHttpProtocolOptions: {
            autoSni: http.autoSni ?? false,
            autoSanValidation: http.autoSanValidation ?? false,
          },
        }),
    upstreamProtocolOptions:
      http.version === "downstream"
        ? {
            case: "useDownstreamProtocolConfig",
            value: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
          }
        : {
            case: "explicitHttpConfig",
            value: {
              protocolConfig:
                http.version === "http2"
                  ? { case: "http2ProtocolOptions", value: http2 }
                  : { case: "httpProtocolOptions", value: {} },
            },
          },
  });
}

/** Where unwanted connections end. */
export function blackHoleCluster(scope: Scope): Cluster {
  return create(ClusterSchema, {
    name: "BlackHoleCluster",
    altStatName: "BlackHoleCluster;",
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    connectTimeout: milliseconds(scope.rules.mesh.connectTimeout),
  });
}

/** Where connections go that the mesh knows nothing of: to the address that the client dialled. */
export function passthroughCluster(
  scope: Scope,
  proxy: ProxyNode,
  direction: "outbound" | "inbound",
): Cluster {
  const { mesh } = scope.rules;
  const isInbound = direction === "inbound";
  const cluster = create(ClusterSchema, {
    name: isInbound ? "InboundPassthroughCluster" : "PassthroughCluster",
    altStatName: "PassthroughCluster;",
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    filters: isInbound || proxy.isStock ? [] : [clusterMetadataExchange()],
    ...(isInbound ? { upstreamBindConfig: inboundSource() } : {}),
  });
  const draft: ClusterDraft = { cluster, http: { version: "downstream", idleTimeout: 300_000 } };
  applyConnectionPool(draft, mesh.defaultTrafficPolicy?.connectionPool, mesh);
  return finish(draft);
}

/** Connections to the app come from this address, so that interception lets them pass. */
export function inboundSource() {
  return { sourceAddress: { address: "127.0.0.6", portSpecifier: { case: "portValue" as const, value: 0 } } };
}
