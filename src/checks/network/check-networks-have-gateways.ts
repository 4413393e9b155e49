import type { KubeObject, Pod } from "../../kube/index.ts";
import { matchesLabels } from "../../kube/index.ts";
import type { ClusterView, Find, Finding, MeshView } from "../contracts.ts";
import { groupBy } from "../group-by.ts";
import { reference } from "../object-reference.ts";
import { kubectl, listed } from "../text.ts";
import { isSystemNamespace, networkLabel, systemNamespace } from "../view/labels.ts";
import { isAlive, proxyOf } from "../view/pods.ts";
import { networkGateways } from "./network-gateways.ts";

interface Backend {
  readonly cluster: ClusterView;
  readonly network: string;
  readonly object: KubeObject;
  /** "name.namespace" of a Service that a cluster of another network has too. */
  readonly service: string;
}

/** Networks with pods that are called from other networks, and without a gateway: they are called at their own addresses. */
export const checkNetworksHaveGateways: Find = (mesh) => {
  // A gateway may be in a cluster that could not be read.
  const known = new Set([
    ...networkGateways(mesh).map(({ network }) => network),
    ...mesh.unread.map(({ network }) => network),
  ]);
  const missing = mesh.clusters
    .flatMap((cluster) => sharedBackends(cluster, mesh))
    .filter(({ network }) => !known.has(network));
  return [...groupBy(missing, ({ network }) => network)].map(([network, backends]): Finding => {
    const services = [...new Set(backends.map(({ service }) => service))];
    const clusters = [...new Set(backends.map(({ cluster }) => cluster.name))];
    return {
      code: "network/without-gateway",
      severity: "error",
      cluster: clusters[0] ?? "",
      objects: backends.map(({ cluster, object }) => reference(cluster, object)),
      effect: `requests from other networks to ${listed(services)} in ${listed(clusters)} go to the pods' own addresses and time out`,
      cause: `${network} has no gateway: no Service carries the label ${networkLabel}=${network}`,
      evidence: mesh.clusters.map(({ name }) =>
        kubectl(name, `get services -A -l ${networkLabel}=${network}`, "none"),
      ),
      fix: `give ${listed(clusters)} an east-west gateway, or label its Service: kubectl --context ${clusters[0]} -n NAMESPACE label service NAME ${networkLabel}=${network}`,
    };
  });
};

function sharedBackends(cluster: ClusterView, mesh: MeshView): Backend[] {
  const others = mesh.clusters.filter(({ network }) => network !== undefined && network !== cluster.network);
  if (cluster.network === undefined || others.length === 0) return [];
  const backends = cluster.services
    .filter(({ metadata }) => !isSystemNamespace(metadata.namespace ?? ""))
    .filter(({ metadata }) => others.some((other) => hasService(other, metadata.name, metadata.namespace)));
  return backends.flatMap((object) => {
    const { metadata, spec } = object;
    const { selector } = spec;
    if (selector === undefined) return [];
    const pods = cluster.pods.filter(
      (pod) =>
        pod.metadata.namespace === metadata.namespace &&
        isAlive(pod) &&
        proxyOf(pod) !== undefined &&
        matchesLabels(selector, pod.metadata.labels),
    );
    const networks = new Set(pods.flatMap((pod) => networkOf(pod, cluster) ?? []));
    return [...networks].map((network) => ({
      cluster,
      network,
      object,
      service: `${metadata.name}.${metadata.namespace}`,
    }));
  });
}

function hasService({ services }: ClusterView, name: string, namespace: string | undefined): boolean {
  return services.some(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
}

function networkOf(pod: Pod, { namespaces }: ClusterView): string | undefined {
  const system = namespaces.find(({ metadata }) => metadata.name === systemNamespace);
  return pod.metadata.labels?.[networkLabel] ?? system?.metadata.labels?.[networkLabel];
}
