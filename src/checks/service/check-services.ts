import { isInjected, matchesLabels, type Service } from "../../kube/index.ts";
import type { ClusterView, Find, Finding, MeshView } from "../contracts.ts";
import { groupBy } from "../group-by.ts";
import { fullHost } from "../hosts.ts";
import { reference } from "../object-reference.ts";
import { kubectl, listed } from "../text.ts";
import { allDestinationsOf, gatewaysOf } from "../traffic/virtual-service.ts";
import { isSystemNamespace } from "../view/labels.ts";
import { isAlive } from "../view/pods.ts";

/**
 * Services that some clusters have and another lacks. There the name does not resolve, and pods that would belong to the
 * Service are not found from anywhere: each cluster's endpoints come from its own Service.
 */
export const checkServices: Find = (mesh) => {
  const { clusters } = mesh;
  const shared = clusters.flatMap((cluster) => cluster.services.filter(isPlain));
  const byName = groupBy(shared, ({ metadata }) => `${metadata.name}.${metadata.namespace}`);
  return [...byName.values()].flatMap((services) => {
    const [service] = services;
    return service === undefined ? [] : clusters.flatMap((cluster) => checkOne(service, cluster, mesh));
  });
};

function checkOne(service: Service, cluster: ClusterView, mesh: MeshView): Finding[] {
  const { name, namespace = "default" } = service.metadata;
  const owners = mesh.clusters.filter((one) => hasService(one, name, namespace));
  if (hasService(cluster, name, namespace)) return [];
  const pods = cluster.pods.filter(
    (pod) =>
      pod.metadata.namespace === namespace &&
      isAlive(pod) &&
      matchesLabels(service.spec.selector ?? {}, pod.metadata.labels),
  );
  const isMesh = cluster.namespaces.some((one) => one.metadata.name === namespace && isInjected(one));
  if (pods.length === 0 && (!isMesh || isForOutside(service, mesh) || isBehindFront(service, owners, mesh)))
    return [];
  const host = `${name}.${namespace}`;
  const names = pods.map(({ metadata }) => metadata.name);
  const where = listed(owners.map((one) => one.name));
  return [
    {
      code: "service/missing-in-cluster",
      severity: pods.length > 0 ? "error" : "warning",
      cluster: cluster.name,
      objects: owners.flatMap((owner) =>
        owner.services
          .filter(({ metadata }) => metadata.name === name && metadata.namespace === namespace)
          .map((one) => reference(owner, one)),
      ),
      effect: `${host} does not resolve in ${cluster.name}${pods.length > 0 ? `, and no cluster finds its pods there (${listed(names)})` : ""}`,
      cause: `Service ${name} exists in ${where} only`,
      evidence: [
        kubectl(cluster.name, `-n ${namespace} get service ${name}`, "NotFound"),
        ...(pods.length === 0
          ? []
          : [kubectl(cluster.name, `-n ${namespace} get pods -l ${selectorText(service)}`, listed(names))]),
      ],
      fix: `apply the Service to ${cluster.name} too: kubectl --context ${cluster.name} -n ${namespace} apply -f FILE${pods.length > 0 ? "" : ` (unless nothing in ${cluster.name} calls it)`}`,
    },
  ];
}

/** One that Istio serves by its pods: with a selector, and in nobody's system namespace. */
function isPlain({ metadata, spec }: Service): boolean {
  return (
    !isSystemNamespace(metadata.namespace ?? "") &&
    spec.type !== "ExternalName" &&
    Object.keys(spec.selector ?? {}).length > 0
  );
}

/** Whether gateways lead to it from outside: it is wanted there, and elsewhere nobody need know its name. */
function isForOutside({ metadata }: Service, { clusters }: MeshView): boolean {
  const host = fullHost(metadata.name, metadata.namespace ?? "default");
  return clusters.some(({ virtualServices }) =>
    virtualServices.some((object) => {
      return (
        gatewaysOf(object).length > 0 &&
        allDestinationsOf(object).some(
          ({ destination }) => fullHost(destination.host, object.metadata.namespace ?? "default") === host,
        )
      );
    }),
  );
}

const instanceLabel = "app.kubernetes.io/instance";

/** Whether it belongs to an installation of which another Service is for outside: it serves that one, where both are. */
function isBehindFront({ metadata }: Service, owners: readonly ClusterView[], mesh: MeshView): boolean {
  const instance = metadata.labels?.[instanceLabel];
  if (instance === undefined) return false;
  return owners.every(({ services }) =>
    services.some(
      (one) =>
        one.metadata.namespace === metadata.namespace &&
        one.metadata.labels?.[instanceLabel] === instance &&
        isForOutside(one, mesh),
    ),
  );
}

function hasService({ services }: ClusterView, name: string, namespace: string): boolean {
  return services.some(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
}

function selectorText({ spec }: Service): string {
  return Object.entries(spec.selector ?? {})
    .map(([label, value]) => `${label}=${value}`)
    .join(",");
}
