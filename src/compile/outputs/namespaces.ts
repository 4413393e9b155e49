import {
  exportsAnnotation,
  generated,
  managementNamespace,
  networkLabel,
  remoteClusterLabel,
  systemNamespace,
} from "../../kube/index.ts";
import type { Cluster, Mesh } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";
import { isPrimary, isProvider, managementCluster, providersOf } from "../topology.ts";
import {
  namesOffloadedTo,
  offloadedNamespaces,
  peeringsOf,
  tenantNamespace,
} from "./offloaded-namespaces.ts";
import { exportsOf } from "./service-exports.ts";

/**
 * The namespaces of a cluster: Istio's own with the network's label and, on a remote, the name of its control
 * plane; those of gateways elsewhere; the mesh file's with sidecar injection; those that charts go to; on a consumer
 * those that it offloads and one for each peering. On a provider none that offloading makes there.
 */
export function namespaces(cluster: Cluster, mesh: Mesh): CompiledItem[] {
  const wanted = new Map<string, Wanted>();
  const add = (name: string, from: string, labels: Labels = {}, annotations: Labels = {}) => {
    const before = wanted.get(name);
    wanted.set(name, {
      from: before?.from ?? from,
      labels: { ...before?.labels, ...labels },
      annotations: { ...before?.annotations, ...annotations },
    });
  };
  if (cluster.role === "workload" && !isProvider(cluster)) {
    add(systemNamespace, `clusters.${cluster.name}`, networkLabels(cluster), controlPlane(cluster));
  }
  const management = managementCluster(mesh);
  if (management !== undefined && !isProvider(cluster))
    add(managementNamespace, `clusters.${management.name}.role`);
  for (const { gateways } of [...(isProvider(cluster) ? [] : [cluster]), ...providersOf(mesh, cluster)]) {
    for (const gateway of Object.values(gateways))
      if (gateway !== undefined) add(gateway.namespace, gateway.from);
  }
  for (const { name, injection, labels, from } of cluster.namespaces) {
    add(name, from, { ...(injection ? injectionLabel(cluster) : {}), ...labels });
  }
  for (const { provider, from } of peeringsOf(cluster, mesh)) {
    add(tenantNamespace(provider), from, {
      [remoteClusterLabel]: provider,
      "liqo.io/tenant-namespace": "true",
    });
  }
  for (const { namespace: name, from } of offloadedNamespaces(cluster, mesh))
    if (!isGiven(name)) add(name, from);
  for (const [index, { service, namespace: name }] of exportsOf(cluster).entries()) {
    const from = `clusters.${cluster.name}.exports[${index}]`;
    if (service === "*") add(name, from, {}, { [exportsAnnotation]: "*" });
    else if (!isGiven(name)) add(name, from);
  }
  const comesByOffloading = namesOffloadedTo(cluster, mesh);
  for (const addon of cluster.addons)
    if (!comesByOffloading.has(addon.namespace)) add(addon.namespace, addon.from);
  for (const entry of cluster.manifests) {
    if (entry.kind !== "chart" || entry.namespace === undefined) continue;
    if (!comesByOffloading.has(entry.namespace)) add(entry.namespace, entry.from);
  }
  return [...wanted].map(([name, one]) => namespace(name, one));
}

/** The namespaces that every cluster has, which are not ours to label. */
export const givenNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

function isGiven(name: string): boolean {
  return givenNamespaces.includes(name);
}

type Labels = Readonly<Record<string, string>>;

interface Wanted {
  readonly from: string;
  readonly labels: Labels;
  readonly annotations: Labels;
}

function namespace(name: string, { from, labels, annotations }: Wanted): CompiledItem {
  const object = generated(
    { apiVersion: "v1", kind: "Namespace", metadata: { name, labels, annotations } },
    from,
  );
  return { kind: "object", wave: "namespaces", from, object };
}

function networkLabels({ network }: Cluster): Labels {
  return network === undefined ? {} : { [networkLabel]: network };
}

function controlPlane(cluster: Cluster): Labels {
  return isPrimary(cluster) ? {} : { "topology.istio.io/controlPlaneClusters": cluster.primary };
}

/** A revision is chosen by its own label; `istio-injection` would win over it. Nothing injects on a provider. */
function injectionLabel(cluster: Cluster): Labels {
  const { revision } = cluster.istio;
  if (isProvider(cluster)) return {};
  return revision === undefined ? { "istio-injection": "enabled" } : { "istio.io/rev": revision };
}
