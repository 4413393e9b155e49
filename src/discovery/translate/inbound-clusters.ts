import { create } from "@bufbuild/protobuf";
import { type Protocol, parseProtocol } from "../../kube/index.ts";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { MetadataSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { ClusterLoadAssignmentSchema } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { applyConnectionPool, type ClusterDraft, httpDraft } from "./cluster-policy.ts";
import { finish, inboundSource } from "./clusters.ts";
import type { SidecarIngress } from "./config-types.ts";
import { trafficPolicyFor } from "./endpoints.ts";
import type { InboundTarget } from "./inbound-targets.ts";
import { clusterName } from "./names.ts";
import { lazy, milliseconds, socketAddress } from "./proto.ts";
import { isHttp2 } from "./protocol.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";
import type { MeshService } from "./services.ts";

// The longest Duration that fits Envoy's clock: ORIGINAL_DST hosts of the own app never go away.
const never = lazy(() => milliseconds(9_223_372_035_000));

/** Clusters to the proxy's own app, one for each target port. */
export function inboundClusters(
  scope: Scope,
  proxy: ProxyNode,
  targets: readonly InboundTarget[],
): Cluster[] {
  const ingress = scope.sidecar?.spec.ingress ?? [];
  if (ingress.length > 0)
    return ingress.map((listener) => sidecarIngressCluster(scope, proxy, listener, targets));
  if (proxy.interception === "NONE") return [];
  const byPort = new Map<number, InboundTarget[]>();
  for (const target of targets) {
    const same = byPort.get(target.targetPort);
    if (same === undefined) byPort.set(target.targetPort, [target]);
    else same.push(target);
  }
  return [...byPort].map(([port, same]) => targetCluster(scope, port, same));
}

function targetCluster(scope: Scope, port: number, targets: readonly InboundTarget[]): Cluster {
  const first = targets[0];
  const name = clusterName("inbound", "", "", port);
  const services = targets
    .filter(
      (target, i) =>
        target.port.port === first?.port.port &&
        targets.findIndex(({ service }) => service.host === target.service.host) === i,
    )
    .map(({ service }) => ({ host: service.host, name: service.name, namespace: service.namespace }));
  const cluster = ownCluster(name);
  return finishTarget(
    scope,
    cluster,
    port,
    { port: first?.port.port ?? port, protocol: first?.port.protocol ?? "" },
    first?.service,
    services,
  );
}

/** Says whose cluster it is and limits its connections: as the Sidecar says for the port, else the service's rule. */
function finishTarget(
  scope: Scope,
  cluster: Cluster,
  targetPort: number,
  { port, protocol }: { readonly port: number; readonly protocol: Protocol },
  service: MeshService | undefined,
  services = service === undefined
    ? []
    : [{ host: service.host, name: service.name, namespace: service.namespace }],
): Cluster {
  const rule = service === undefined ? undefined : scope.destinationRule(service);
  if (service !== undefined && !service.isExternal) {
    const config =
      rule?.trafficPolicy === undefined
        ? {}
        : {
            config: `/apis/networking.istio.io/v1/namespaces/${rule.namespace}/destination-rule/${rule.name}`,
          };
    cluster.metadata = create(MetadataSchema, { filterMetadata: { istio: { services, ...config } } });
  }
  const pool =
    scope.sidecar?.spec.ingress?.find((listener) => listener.port.number === targetPort)?.connectionPool ??
    scope.sidecar?.spec.inboundConnectionPool ??
    trafficPolicyFor(scope.rules, rule, "", port)?.connectionPool;
  return withProtocol(scope, cluster, protocol, pool);
}

/** The cluster of a Sidecar's ingress listener: to its default endpoint, which is always the pod itself. */
function sidecarIngressCluster(
  scope: Scope,
  proxy: ProxyNode,
  { port, defaultEndpoint = "" }: SidecarIngress,
  targets: readonly InboundTarget[],
): Cluster {
  const name = clusterName("inbound", "", "", port.number);
  const cluster = ownCluster(name);
  const endpoint = ownEndpoint(defaultEndpoint, proxy);
  if (endpoint !== undefined) {
    cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.STATIC };
    cluster.lbPolicy = Cluster_LbPolicy.ROUND_ROBIN;
    delete cluster.cleanupInterval;
    cluster.loadAssignment = create(ClusterLoadAssignmentSchema, {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: {
                case: "endpoint",
                value: { address: socketAddress(endpoint.address, endpoint.port) },
              },
            },
          ],
        },
      ],
    });
    // From localhost nothing is intercepted that goes to localhost.
    if (endpoint.isLocalhost) delete cluster.upstreamBindConfig;
  }
  return finishTarget(
    scope,
    cluster,
    port.number,
    { port: port.number, protocol: parseProtocol(port.protocol) },
    targets.find(({ targetPort }) => targetPort === port.number)?.service,
  );
}

/** The address that a default endpoint means for a pod; undefined leaves the destination as it was dialled. */
function ownEndpoint(
  written: string,
  { addresses }: ProxyNode,
): { readonly address: string; readonly port: number; readonly isLocalhost: boolean } | undefined {
  const [, host, port] = /^(.*):(\d+)$/.exec(written) ?? [];
  if (host === undefined || port === undefined) return undefined;
  const own = (isV6: boolean) => addresses.find((address) => address.includes(":") === isV6);
  const at = (address: string, isLocalhost: boolean) => ({ address, port: Number(port), isLocalhost });
  const v4 = own(false) !== undefined;
  switch (host) {
    case "127.0.0.1":
    case "[::1]":
      return at((host === "127.0.0.1" ? v4 : own(true) === undefined) ? "127.0.0.1" : "::1", true);
    case "0.0.0.0":
      return at(own(false) ?? "127.0.0.1", !v4);
    case "[::]":
      return at(own(true) ?? "::1", own(true) === undefined);
    default:
      return undefined;
  }
}

function ownCluster(name: string): Cluster {
  return create(ClusterSchema, {
    name,
    altStatName: `${name};`,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    commonLbConfig: {},
    cleanupInterval: never(),
    upstreamBindConfig: inboundSource(),
  });
}

type Pool = Parameters<typeof applyConnectionPool>[1];

function withProtocol(scope: Scope, cluster: Cluster, protocol: Protocol, pool: Pool): Cluster {
  const draft: ClusterDraft = { cluster, http: undefined };
  if (isHttp2(protocol)) httpDraft(draft).version = "http2";
  else if (protocol === "") httpDraft(draft).version = "downstream";
  applyConnectionPool(draft, pool, scope.rules.mesh);
  return finish(draft);
}
