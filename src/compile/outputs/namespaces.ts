import { exportsAnnotation, generated, systemNamespace } from "../../kube/index.ts";
import type { Cluster } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";
import { isPrimary } from "../topology.ts";
import { exportsOf } from "./service-exports.ts";

/**
 * The namespaces of a cluster: Istio's own with the network's label and, on a remote, the name of its control
 * plane; those of gateways elsewhere; the mesh file's with sidecar injection; those that charts go to.
 */
export function namespaces(cluster: Cluster): CompiledItem[] {
  const wanted = new Map<string, Wanted>();
  const add = (name: string, from: string, labels: Labels = {}, annotations: Labels = {}) => {
    const before = wanted.get(name);
    wanted.set(name, {
      from: before?.from ?? from,
      labels: { ...before?.labels, ...labels },
      annotations: { ...before?.annotations, ...annotations },
    });
  };
  if (cluster.role === "workload") {
    add(systemNamespace, `clusters.${cluster.name}`, networkLabel(cluster), controlPlane(cluster));
  }
  for (const gateway of Object.values(cluster.gateways)) {
    if (gateway !== undefined) add(gateway.namespace, gateway.from);
  }
  for (const { name, injection, labels, from } of cluster.namespaces) {
    add(name, from, { ...(injection ? injectionLabel(cluster) : {}), ...labels });
  }
  for (const [index, { service, namespace: name }] of exportsOf(cluster).entries()) {
    const from = `clusters.${cluster.name}.exports[${index}]`;
    if (service === "*") add(name, from, {}, { [exportsAnnotation]: "*" });
    // It is in every cluster, and not ours to label.
    else if (name !== "default") add(name, from);
  }
  for (const addon of cluster.addons) add(addon.namespace, addon.from);
  for (const entry of cluster.manifests) {
    if (entry.kind === "chart" && entry.namespace !== undefined) add(entry.namespace, entry.from);
  }
  return [...wanted].map(([name, one]) => namespace(name, one));
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

function networkLabel({ network }: Cluster): Labels {
  return network === undefined ? {} : { "topology.istio.io/network": network };
}

function controlPlane(cluster: Cluster): Labels {
  return isPrimary(cluster) ? {} : { "topology.istio.io/controlPlaneClusters": cluster.primary };
}

/** A revision is chosen by its own label; `istio-injection` would win over it. */
function injectionLabel({ istio: { revision } }: Cluster): Labels {
  return revision === undefined ? { "istio-injection": "enabled" } : { "istio.io/rev": revision };
}
