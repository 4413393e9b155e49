import type { NamespaceOffloading } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";

/** Namespaces that a provider does not take, or that no provider is chosen for. */
export const checkOffloadedNamespaces: Find = ({ clusters }) =>
  clusters.flatMap((cluster) =>
    cluster.namespaceOffloadings.flatMap((object) => [
      ...checkRefusals(object, cluster),
      ...checkSelection(object, cluster),
    ]),
  );

function checkRefusals(object: NamespaceOffloading, cluster: ClusterView): Finding[] {
  const { namespace = "default" } = object.metadata;
  return Object.entries(object.status?.remoteNamespacesConditions ?? {}).flatMap(
    ([provider, conditions]): Finding[] => {
      const refusal = conditions.find(({ type, status }) => type === "Ready" && status === "False");
      if (refusal === undefined) return [];
      const path = `status.remoteNamespacesConditions.${provider}`;
      return [
        findingAbout(cluster, object, path, {
          code: "peering/namespace-refused",
          severity: "error",
          effect: `pods of namespace ${namespace} that belong on ${provider} don't run`,
          cause: refusal.message ?? `${provider} does not have the namespace`,
          seen: `Ready is False: ${refusal.reason ?? "without a reason"}`,
          fix: `rename or delete namespace ${namespace} of ${provider}, or take it out of the peering`,
        }),
      ];
    },
  );
}

function checkSelection(object: NamespaceOffloading, cluster: ClusterView): Finding[] {
  const { namespace = "default" } = object.metadata;
  if (object.status?.offloadingPhase !== "NoClusterSelected") return [];
  return [
    findingAbout(cluster, object, "spec.clusterSelector", {
      code: "peering/no-cluster-selected",
      severity: "warning",
      effect: `namespace ${namespace} stays in ${cluster.name} alone`,
      cause: "no virtual node has the labels that its offloading selects",
      seen: JSON.stringify(object.spec.clusterSelector?.nodeSelectorTerms ?? []),
      fix: `compare with kubectl --context ${cluster.name} get nodes -l liqo.io/type=virtual-node --show-labels`,
    }),
  ];
}
