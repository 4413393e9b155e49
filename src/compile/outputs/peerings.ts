import { generated, type KubeObject, remoteClusterLabel } from "../../kube/index.ts";
import type { Cluster, Mesh, Peering } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";
import { type Offloaded, offloadedNamespaces, peeringsOf, tenantNamespace } from "./offloaded-namespaces.ts";

/**
 * The peerings of a consumer as objects of Liqo 1.0's API: for each provider the cluster itself, the resources that are
 * asked of it and the virtual node that stands for it; for each offloaded namespace where its pods may run. None in
 * the provider: whoever carries the peering out makes there what it needs.
 */
export function peerings(consumer: Cluster, mesh: Mesh): CompiledItem[] {
  const item = (object: KubeObject, from: string): CompiledItem => ({
    kind: "object",
    wave: "peerings",
    from,
    object: generated(object, from),
  });
  return [
    ...peeringsOf(consumer, mesh).flatMap((peering) =>
      [foreignCluster(peering), resourceSlice(peering), virtualNode(peering, mesh)].map((object) =>
        item(object, peering.from),
      ),
    ),
    ...offloadedNamespaces(consumer, mesh).map((one) => item(namespaceOffloading(one), one.from)),
  ];
}

function foreignCluster({ provider }: Peering): KubeObject {
  return {
    apiVersion: "core.liqo.io/v1beta1",
    kind: "ForeignCluster",
    metadata: { name: provider, labels: { [remoteClusterLabel]: provider } },
    spec: { clusterID: provider },
  };
}

/** As `liqoctl create resourceslice` makes it: replicated to the provider, which grants it or a part of it. */
function resourceSlice({ consumer, provider, resources }: Peering): KubeObject {
  return {
    apiVersion: "authentication.liqo.io/v1beta1",
    kind: "ResourceSlice",
    metadata: {
      name: provider,
      namespace: tenantNamespace(provider),
      labels: {
        [remoteClusterLabel]: provider,
        "liqo.io/remoteID": provider,
        "liqo.io/replication": "true",
      },
      annotations: { "liqo.io/create-virtual-node": "true" },
    },
    spec: { class: "default", consumerClusterID: consumer, providerClusterID: provider, resources },
  };
}

function virtualNode({ provider, resources }: Peering, mesh: Mesh): KubeObject {
  return {
    apiVersion: "offloading.liqo.io/v1beta1",
    kind: "VirtualNode",
    metadata: {
      name: provider,
      namespace: tenantNamespace(provider),
      labels: { [remoteClusterLabel]: provider },
    },
    spec: {
      clusterID: provider,
      createNode: true,
      labels: { [remoteClusterLabel]: provider, ...localityLabels(mesh.clusters.get(provider)) },
      resourceQuota: { hard: resources },
    },
  };
}

/** Where the provider's nodes are, as far as all of them agree: one virtual node stands for all. */
function localityLabels(provider: Cluster | undefined): Readonly<Record<string, string>> {
  const zones = new Set(provider?.nodes.map(({ zone = provider.zone }) => zone));
  const [zone] = zones;
  return {
    ...(provider?.region === undefined ? {} : { "topology.kubernetes.io/region": provider.region }),
    ...(zones.size !== 1 || zone === undefined ? {} : { "topology.kubernetes.io/zone": zone }),
  };
}

function namespaceOffloading({ namespace, pods, providers }: Offloaded): KubeObject {
  return {
    apiVersion: "offloading.liqo.io/v1beta1",
    kind: "NamespaceOffloading",
    // The one name that Liqo looks for in a namespace.
    metadata: { name: "offloading", namespace },
    spec: {
      namespaceMappingStrategy: "EnforceSameName",
      podOffloadingStrategy: pods,
      clusterSelector: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: remoteClusterLabel, operator: "In", values: providers }] },
        ],
      },
    },
  };
}
