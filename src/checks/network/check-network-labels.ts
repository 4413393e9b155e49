import type { Pod } from "../../kube/index.ts";
import type { ClusterView, Find, Finding, MeshView } from "../contracts.ts";
import { groupBy } from "../group-by.ts";
import { reference } from "../object-reference.ts";
import { mendedBy, type RemediedObjects } from "../remedy.ts";
import { count, kubectl, listed } from "../text.ts";
import { networkLabel, systemNamespace } from "../view/labels.ts";
import { isAlive, podId, proxyOf } from "../view/pods.ts";
import { networkGateways } from "./network-gateways.ts";

/** Labels from which Istio takes a cluster's network, where they differ from the mesh file. */
export const checkNetworkLabels: Find = (mesh) =>
  mesh.clusters.flatMap((cluster) =>
    cluster.network === undefined
      ? []
      : [
          ...checkNamespace(cluster, cluster.network, mesh),
          ...checkServices(cluster, cluster.network),
          ...checkPods(cluster, cluster.network, mesh),
        ],
  );

function checkNamespace(cluster: ClusterView, network: string, mesh: MeshView): Finding[] {
  const { name } = cluster;
  const namespace = cluster.namespaces.find(({ metadata }) => metadata.name === systemNamespace);
  const label = namespace?.metadata.labels?.[networkLabel];
  if (namespace === undefined || label === network) return [];
  return [
    {
      code: "network/label-differs",
      severity: "error",
      cluster: name,
      objects: [reference(cluster, namespace)],
      effect: effectOf(`pods of ${name} without a network label of their own`, label, name, mesh),
      cause: `namespace ${systemNamespace} of ${name} says ${label ?? "no network"}, the mesh file says ${network}`,
      evidence: [kubectl(name, `get ns ${systemNamespace} -L ${networkLabel}`, label ?? "(none)")],
      ...relabelled(name, { kind: "Namespace", names: [systemNamespace] }, network),
    },
  ];
}

function checkServices(cluster: ClusterView, network: string): Finding[] {
  const { name, services } = cluster;
  return services.flatMap((object): Finding[] => {
    const { metadata } = object;
    const label = metadata.labels?.[networkLabel];
    if (label === undefined || label === network) return [];
    const service = `-n ${metadata.namespace} get service ${metadata.name}`;
    return [
      {
        code: "network/label-differs",
        severity: "error",
        cluster: name,
        objects: [reference(cluster, object)],
        effect: `requests for pods on ${label} are sent to the gateway of ${name}, and those for pods on ${network} don't find it`,
        cause: `Service ${metadata.namespace}/${metadata.name} of ${name} says it leads to ${label}, the mesh file says ${network}`,
        evidence: [kubectl(name, `${service} -L ${networkLabel}`, label)],
        ...relabelled(
          name,
          { kind: "Service", namespace: metadata.namespace ?? "default", names: [metadata.name] },
          network,
        ),
      },
    ];
  });
}

function checkPods(cluster: ClusterView, network: string, mesh: MeshView): Finding[] {
  const { name } = cluster;
  const differing = groupBy(
    cluster.pods.filter((pod) => isAlive(pod) && (networkOf(pod) ?? network) !== network),
    (pod) => `${pod.metadata.namespace} ${networkOf(pod)}`,
  );
  return [...differing.values()].flatMap((pods): Finding[] => {
    const [first] = pods;
    if (first === undefined) return [];
    const label = networkOf(first);
    const { namespace = "default" } = first.metadata;
    const names = pods.map(({ metadata }) => metadata.name);
    const wrongLabel = first.metadata.labels?.[networkLabel] === label;
    return [
      {
        code: "network/label-differs",
        severity: "error",
        cluster: name,
        objects: pods.map((pod) => reference(cluster, pod)),
        effect: effectOf(`${count(pods.length, "pod")} of ${name}`, label, name, mesh),
        cause: `${listed(pods.map(podId))} say${pods.length === 1 ? "s" : ""} ${label}, the mesh file says ${network} for ${name}`,
        evidence: [
          wrongLabel
            ? kubectl(name, `-n ${namespace} get pods -l ${networkLabel}=${label}`, listed(names))
            : kubectl(
                name,
                `-n ${namespace} get pod ${first.metadata.name} -o yaml`,
                `ISTIO_META_NETWORK ${label}`,
              ),
        ],
        ...(wrongLabel
          ? relabelled(name, { kind: "Pod", namespace, names }, network)
          : {
              fix: `correct the network in istiod's values for ${name}, then kubectl --context ${name} -n ${namespace} delete pods ${names.join(" ")}`,
            }),
      },
    ];
  });
}

function relabelled(cluster: string, objects: RemediedObjects, network: string) {
  return mendedBy([{ kind: "label", cluster, objects, label: networkLabel, value: network }]);
}

/** What a pod's label says, which Istio believes before all else; without one, what its proxy was started with. */
function networkOf(pod: Pod): string | undefined {
  const variable = proxyOf(pod)?.env?.find(({ name }) => name === "ISTIO_META_NETWORK");
  return pod.metadata.labels?.[networkLabel] ?? (variable?.value === "" ? undefined : variable?.value);
}

/** What becomes of requests to `pods` of a cluster that count as on another network. */
function effectOf(pods: string, label: string | undefined, cluster: string, mesh: MeshView): string {
  const direct = "go to the pods' own addresses and time out";
  if (label === undefined) return `requests from other networks to ${pods} ${direct}`;
  const others = mesh.clusters.filter((one) => one.name !== cluster && one.network === label);
  if (others.length > 0)
    return `requests from ${listed(others.map(({ name }) => name))} to ${pods} ${direct}`;
  return networkGateways(mesh).some((gateway) => gateway.network === label)
    ? `requests from other networks to ${pods} go to the gateway of ${label}`
    : `requests from other networks to ${pods} ${direct}: ${label} has no gateway`;
}
