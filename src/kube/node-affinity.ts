import { matchesLabels } from "./label-selector.ts";
import { matchesNodeSelectorTerm, type NodeAffinity } from "./node-selector.ts";
import type { Node, Pod } from "./types.ts";

/** Whether the node is one that the pod's nodeSelector and required node affinity allow. */
export function isWantedNode(pod: Pod, node: Node): boolean {
  if (!matchesLabels(pod.spec.nodeSelector ?? {}, node.metadata.labels)) return false;
  const required = nodeAffinity(pod)?.requiredDuringSchedulingIgnoredDuringExecution;
  return (
    required === undefined ||
    (required.nodeSelectorTerms ?? []).some((term) => matchesNodeSelectorTerm(term, node))
  );
}

/** The weights of the pod's node preferences that this node meets. */
export function preferenceFor(pod: Pod, node: Node): number {
  return (nodeAffinity(pod)?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
    .filter(({ preference }) => matchesNodeSelectorTerm(preference, node))
    .reduce((sum, { weight }) => sum + weight, 0);
}

/** PodSpec leaves affinity open; its node part has this form in Kubernetes' schema. */
function nodeAffinity({ spec }: Pod): NodeAffinity | undefined {
  return (spec.affinity as { readonly nodeAffinity?: NodeAffinity } | undefined)?.nodeAffinity;
}
