import type { Namespace } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { isSystemNamespace } from "../view/labels.ts";
import { isAlive, proxyOf } from "../view/pods.ts";
import { injectorValues } from "./injector-values.ts";

const [byName, byRevision, byMode] = ["istio-injection", "istio.io/rev", "istio.io/dataplane-mode"];

/** Namespaces that say nothing of injection, or two things at once. */
export const checkInjectionLabels: Find = ({ clusters }) => {
  const labelled = new Set(
    clusters.flatMap(({ namespaces }) => namespaces.filter(isLabelled).map(({ metadata }) => metadata.name)),
  );
  return clusters.flatMap((cluster) =>
    cluster.namespaces
      .filter(({ metadata }) => !isSystemNamespace(metadata.name))
      .flatMap((namespace) => [
        ...severalLabels(namespace, cluster),
        // One that has it in another cluster is a finding of its own.
        ...(labelled.has(namespace.metadata.name) ? [] : withoutLabel(namespace, cluster)),
      ]),
  );
};

function severalLabels(namespace: Namespace, cluster: ClusterView): Finding[] {
  const labels = namespace.metadata.labels ?? {};
  // Whoever switches injection off by name may well keep a revision for later.
  if ((labels[byName] ?? "enabled") !== "enabled") return [];
  const found = [byName, byRevision, byMode].filter((name) => labels[name] !== undefined);
  if (found.length < 2) return [];
  const { name } = namespace.metadata;
  const seen = found.map((label) => `${label}=${labels[label]}`).join(" ");
  return [
    findingAbout(cluster, namespace, "metadata.labels", {
      code: "injection/several-labels",
      severity: "warning",
      effect: `which sidecar new pods in ${name} of ${cluster.name} get, if any, is not certain`,
      cause: `namespace ${name} of ${cluster.name} has more than one label for injection: ${seen}`,
      seen,
      fix: `keep one: kubectl --context ${cluster.name} label ns ${name} ${found[1]}-`,
    }),
  ];
}

function withoutLabel(namespace: Namespace, cluster: ClusterView): Finding[] {
  const { name } = namespace.metadata;
  const pods = cluster.pods.filter((pod) => pod.metadata.namespace === name && isAlive(pod));
  const isEmptyDefault = name === "default" && pods.length === 0;
  const isAllInjected = pods.length > 0 && pods.every((pod) => proxyOf(pod) !== undefined);
  if (isEmptyDefault || isAllInjected) return [];
  if (injectorValues(cluster).isOnByDefault) {
    return [
      findingAbout(cluster, namespace, "metadata.labels", {
        code: "injection/by-default",
        severity: "info",
        effect: `new pods in ${name} of ${cluster.name} get a sidecar`,
        cause: `namespace ${name} has no label for injection, and istiod of ${cluster.primary} has enableNamespacesByDefault`,
        seen: `no ${byName}`,
        fix: `nothing, or kubectl --context ${cluster.name} label ns ${name} ${byName}=disabled`,
      }),
    ];
  }
  return [
    findingAbout(cluster, namespace, "metadata.labels", {
      code: "injection/namespace-not-injected",
      severity: "info",
      effect: `pods in ${name} of ${cluster.name} are not in the mesh`,
      cause: `namespace ${name} has no label for injection in any cluster`,
      seen: `no ${byName}, no ${byRevision}`,
      fix: `kubectl --context ${cluster.name} label ns ${name} ${byName}=enabled; or =disabled, if that is meant`,
    }),
  ];
}

function isLabelled({ metadata: { labels = {} } }: Namespace): boolean {
  return [byName, byRevision, byMode].some((name) => labels[name] !== undefined);
}
