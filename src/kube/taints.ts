import type { Node, Pod } from "./types.ts";

/** A taint of a node: what keeps pods away that don't tolerate it. */
export type Taint = NonNullable<NonNullable<Node["spec"]>["taints"]>[number];

/** The first taint that forbids the pod this node, if there is one. */
export function forbiddingTaint(pod: Pod, node: Node): Taint | undefined {
  return (node.spec?.taints ?? []).find(
    (taint) => (taint.effect === "NoSchedule" || taint.effect === "NoExecute") && !tolerates(pod, taint),
  );
}

/** How many taints only advise against the node and are not tolerated. */
export function discouragingTaints(pod: Pod, node: Node): number {
  return (node.spec?.taints ?? []).filter(
    (taint) => taint.effect === "PreferNoSchedule" && !tolerates(pod, taint),
  ).length;
}

export function tolerates(pod: Pod, taint: Taint): boolean {
  return tolerationOf(pod, taint) !== undefined;
}

/** The pod's first toleration of the taint: an empty key with Exists covers all, no effect covers every one. */
export function tolerationOf(pod: Pod, taint: Taint) {
  return (pod.spec.tolerations ?? []).find(({ key = "", operator = "Equal", value = "", effect = "" }) => {
    if (effect !== "" && effect !== taint.effect) return false;
    if (key !== "" && key !== taint.key) return false;
    return operator === "Exists" || (key !== "" && value === (taint.value ?? ""));
  });
}
