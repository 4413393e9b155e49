import { injectionLabel, isInjected, type Namespace, type Pod } from "../../kube/index.ts";
import type { ClusterView, Find, Finding, MeshView } from "../contracts.ts";
import { reference } from "../object-reference.ts";
import { mendedBy, type Remedy } from "../remedy.ts";
import { count, kubectl, listed } from "../text.ts";
import { isSystemNamespace } from "../view/labels.ts";
import { isAlive, proxyOf } from "../view/pods.ts";

const injectLabel = "sidecar.istio.io/inject";

/**
 * Namespaces whose pods get sidecars in one cluster and not in another, and pods without a sidecar where pods get them:
 * between networks only mutual TLS is let through, so proxies elsewhere leave such pods out.
 */
export const checkInjection: Find = (mesh) => {
  const injected = new Map<string, ClusterView>();
  for (const cluster of mesh.clusters)
    for (const namespace of cluster.namespaces)
      if (isInjected(namespace) && !injected.has(namespace.metadata.name))
        injected.set(namespace.metadata.name, cluster);
  return mesh.clusters.flatMap((cluster) =>
    cluster.namespaces.flatMap((namespace): Finding[] => {
      const example = injected.get(namespace.metadata.name);
      if (example === undefined || isSystemNamespace(namespace.metadata.name)) return [];
      const bare = cluster.pods.filter((pod) => isBare(pod, namespace.metadata.name));
      if (isInjected(namespace))
        return bare.length === 0 ? [] : [withoutSidecar(cluster, namespace, bare, mesh)];
      // Switched off on purpose.
      if (namespace.metadata.labels?.["istio-injection"] === "disabled") return [];
      return [withoutLabel(cluster, namespace, bare, example, mesh)];
    }),
  );
};

function withoutLabel(
  cluster: ClusterView,
  object: Namespace,
  bare: readonly Pod[],
  example: ClusterView,
  mesh: MeshView,
): Finding {
  const { name } = cluster;
  const { metadata } = object;
  const pods = bare.map((pod) => pod.metadata.name);
  const elsewhere = example.namespaces.find((one) => one.metadata.name === metadata.name);
  const label = injectionLabel(elsewhere) ?? "istio-injection=enabled";
  const [key = "", value = ""] = label.split("=");
  return {
    code: "injection/label-missing",
    severity: "warning",
    cluster: name,
    objects: [reference(cluster, object, "metadata.labels")],
    effect:
      bare.length === 0
        ? `new pods in ${metadata.name} of ${name} get no sidecar`
        : effectOf(cluster, metadata.name, bare, mesh),
    cause: `namespace ${metadata.name} has the label for injection in ${example.name}, not in ${name}`,
    evidence: [
      kubectl(name, `get ns ${metadata.name} --show-labels`, `no ${label}`),
      kubectl(example.name, `get ns ${metadata.name} --show-labels`, label),
      ...(pods.length === 0
        ? []
        : [kubectl(name, `-n ${metadata.name} get pods`, `${listed(pods)} without istio-proxy`)]),
    ],
    ...restarted(cluster, metadata.name, bare, [
      {
        kind: "label",
        cluster: name,
        objects: { kind: "Namespace", names: [metadata.name] },
        label: key,
        value,
      },
    ]),
  };
}

function withoutSidecar(
  cluster: ClusterView,
  { metadata }: Namespace,
  bare: readonly Pod[],
  mesh: MeshView,
): Finding {
  const pods = bare.map((pod) => pod.metadata.name);
  return {
    code: "injection/pod-without-sidecar",
    severity: "warning",
    cluster: cluster.name,
    objects: bare.map((pod) => reference(cluster, pod)),
    effect: effectOf(cluster, metadata.name, bare, mesh),
    cause: `${listed(pods)} started without a sidecar, mostly before namespace ${metadata.name} of ${cluster.name} had its label`,
    evidence: [kubectl(cluster.name, `-n ${metadata.name} get pods`, `${listed(pods)} without istio-proxy`)],
    ...restarted(cluster, metadata.name, bare),
  };
}

/** Done before, then pods that are deleted so that their controllers start them with a sidecar: only told of others. */
function restarted(
  { name: cluster }: ClusterView,
  namespace: string,
  bare: readonly Pod[],
  before: readonly Remedy[] = [],
) {
  const names = bare.map(({ metadata }) => metadata.name);
  const { fix, remedies } = mendedBy([
    ...before,
    ...(names.length === 0
      ? []
      : [{ kind: "delete" as const, cluster, objects: { kind: "Pod" as const, namespace, names } }]),
  ]);
  const comeBack = bare.every(({ metadata }) =>
    metadata.ownerReferences?.some(({ controller }) => controller),
  );
  return comeBack ? { fix, remedies } : { fix };
}

function effectOf(
  cluster: ClusterView,
  namespace: string,
  bare: readonly Pod[],
  { clusters }: MeshView,
): string {
  const apart = clusters.filter(({ network }) => network !== undefined && network !== cluster.network);
  const skipped =
    apart.length === 0
      ? ""
      : `, and ${listed(apart.map(({ name }) => name))} skip${apart.length === 1 ? "s" : ""} ${bare.length === 1 ? "its endpoint" : "their endpoints"}`;
  return `calls from and to ${count(bare.length, "pod")} in ${namespace} of ${cluster.name} are plaintext${skipped}`;
}

/** Whether a pod has no sidecar though nothing says that it should not. */
function isBare(pod: Pod, namespace: string): boolean {
  const { metadata, spec } = pod;
  return (
    metadata.namespace === namespace &&
    isAlive(pod) &&
    proxyOf(pod) === undefined &&
    spec.hostNetwork !== true &&
    (metadata.labels?.[injectLabel] ?? metadata.annotations?.[injectLabel]) !== "false"
  );
}
