import type {
  KubeObject,
  NamespaceOffloading,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSpec,
} from "../../kube/index.ts";
import { nodeTypeLabel, offloadingName, virtualNodeTaint, virtualNodeType } from "./marks.ts";

/** Looks up an object of the same cluster by its resource ("pods", "namespaceoffloadings.offloading.liqo.io"). */
export type FindObject = (resource: string, name: string, namespace?: string) => KubeObject | undefined;

/**
 * An admission plugin for new pods, which does what Liqo's webhook does: a pod of an offloaded namespace tolerates
 * virtual nodes, and its node affinity says on which of them it may be. A pod of any other namespace is left alone, so
 * the taint keeps it away.
 */
export const placePods = {
  resource: "pods",
  complete(pod: KubeObject, find: FindObject): KubeObject {
    const offloading = find(
      "namespaceoffloadings.offloading.liqo.io",
      offloadingName,
      pod.metadata.namespace,
    ) as NamespaceOffloading | undefined;
    return offloading === undefined ? pod : placedPod(pod as Pod, offloading);
  },
} as const;

/** The pod with what its namespace's offloading says. */
export function placedPod(pod: Pod, { spec, metadata }: NamespaceOffloading): Pod {
  const { podOffloadingStrategy: strategy = "LocalAndRemote", clusterSelector } = spec;
  if (strategy === "Local" || metadata.deletionTimestamp !== undefined) return pod;
  const imposed = imposedTerms(strategy, clusterSelector?.nodeSelectorTerms ?? []);
  return {
    ...pod,
    spec: {
      ...pod.spec,
      tolerations: [
        ...(pod.spec.tolerations ?? []),
        { key: virtualNodeTaint.key, operator: "Exists", effect: virtualNodeTaint.effect },
      ],
      ...(imposed.length === 0 ? {} : { affinity: withTerms(pod.spec, imposed) }),
    },
  };
}

/** The alternatives that the strategy leaves; none: every node. */
function imposedTerms(
  strategy: "Remote" | "LocalAndRemote",
  selected: readonly NodeSelectorTerm[],
): readonly NodeSelectorTerm[] {
  const is = (operator: "In" | "NotIn") => ({ key: nodeTypeLabel, operator, values: [virtualNodeType] });
  if (strategy === "LocalAndRemote")
    return selected.length === 0 ? [] : [...selected, { matchExpressions: [is("NotIn")] }];
  return (selected.length === 0 ? [{}] : selected).map((term) => ({
    ...term,
    matchExpressions: [...(term.matchExpressions ?? []), is("In")],
  }));
}

/** The pod's affinity, each of its own alternatives combined with each of the imposed ones. */
function withTerms({ affinity }: PodSpec, imposed: readonly NodeSelectorTerm[]): unknown {
  const others = (affinity ?? {}) as { readonly nodeAffinity?: NodeAffinity };
  const own = others.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const nodeSelectorTerms =
    own.length === 0 ? imposed : own.flatMap((mine) => imposed.map((term) => both(mine, term)));
  return {
    ...others,
    nodeAffinity: {
      ...others.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
    },
  };
}

function both(a: NodeSelectorTerm, b: NodeSelectorTerm): NodeSelectorTerm {
  const matchFields = [...(a.matchFields ?? []), ...(b.matchFields ?? [])];
  return {
    matchExpressions: [...(a.matchExpressions ?? []), ...(b.matchExpressions ?? [])],
    ...(matchFields.length === 0 ? {} : { matchFields }),
  };
}
