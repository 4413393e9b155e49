import { create } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { MetadataSchema } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import { applyConnectionPool, type ClusterDraft, httpDraft } from "./cluster-policy.ts";
import { finish, inboundSource } from "./clusters.ts";
import { trafficPolicyFor } from "./endpoints.ts";
import type { InboundTarget } from "./inbound-targets.ts";
import { clusterName } from "./names.ts";
import { lazy, milliseconds, socketAddress } from "./proto.ts";
import { isHttp2, type Protocol, parseProtocol } from "./protocol.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Scope } from "./scope.ts";

// The longest Duration that fits Envoy's clock: ORIGINAL_DST hosts of the own app never go away.
const never = lazy(() => milliseconds(9_223_372_035_000));

/** Clusters to the proxy's own app, one for each target port. */
export function inboundClusters(
  scope: Scope,
  proxy: ProxyNode,
  targets: readonly InboundTarget[],
): Cluster[] {
  const ingress = scope.sidecar?.spec.ingress ?? [];
  if (ingress.length > 0) return ingress.map((listener) => sidecarIngressCluster(scope, listener));
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
  const rule = first === undefined ? undefined : scope.destinationRule(first.service);
  if (first !== undefined && !first.service.isExternal) {
    const config =
      rule?.trafficPolicy === undefined
        ? {}
        : {
            config: `/apis/networking.istio.io/v1/namespaces/${rule.namespace}/destination-rule/${rule.name}`,
          };
    cluster.metadata = create(MetadataSchema, { filterMetadata: { istio: { services, ...config } } });
  }
  const pool =
    first === undefined
      ? undefined
      : trafficPolicyFor(scope.rules, rule, "", first.port.port)?.connectionPool;
  return withProtocol(scope, cluster, first?.port.protocol ?? "", pool);
}

type Ingress = NonNullable<NonNullable<Scope["sidecar"]>["spec"]["ingress"]>[number];

function sidecarIngressCluster(scope: Scope, { port, defaultEndpoint = "" }: Ingress): Cluster {
  const name = clusterName("inbound", "", "", port.number);
  const cluster = ownCluster(name);
  const match = /^(.*):(\d+)$/.exec(defaultEndpoint);
  if (match !== null && match[1] !== "0.0.0.0") {
    cluster.clusterDiscoveryType = { case: "type", value: Cluster_DiscoveryType.STATIC };
    cluster.lbPolicy = Cluster_LbPolicy.ROUND_ROBIN;
    delete cluster.cleanupInterval;
    const made = create(ClusterSchema, {
      loadAssignment: {
        clusterName: name,
        endpoints: [
          {
            lbEndpoints: [
              {
                hostIdentifier: {
                  case: "endpoint",
                  value: {
                    address: socketAddress(match[1] ?? "", Number(match[2])),
                  },
                },
              },
            ],
          },
        ],
      },
    });
    if (made.loadAssignment !== undefined) cluster.loadAssignment = made.loadAssignment;
  }
  return withProtocol(scope, cluster, parseProtocol(port.protocol), undefined);
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
