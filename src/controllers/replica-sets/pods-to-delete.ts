import type { Pod } from "../../kube/index.ts";
import { isReady, readySince } from "../core/pods.ts";

/**
 * The `count` pods that are missed least, in the order in which Kubernetes gives them up: without a node, pending,
 * not ready, low pod-deletion-cost, crowded on a node, ready for the shortest time, restarted most often, youngest.
 */
export function podsToDelete(
  pods: readonly Pod[],
  count: number,
  podsByNode: ReadonlyMap<string, number>,
): readonly Pod[] {
  if (count >= pods.length) return pods;
  const ranks: readonly ((pod: Pod) => number)[] = [
    (pod) => (pod.spec.nodeName === undefined || pod.spec.nodeName === "" ? 0 : 1),
    (pod) => phaseRank[pod.status?.phase ?? "Pending"] ?? 0,
    (pod) => (isReady(pod) ? 1 : 0),
    (pod) => Number(pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? 0) || 0,
    (pod) => -(podsByNode.get(pod.spec.nodeName ?? "") ?? 0),
    (pod) => -(readySince(pod) ?? 0),
    (pod) => -restarts(pod),
    (pod) => -(Date.parse(pod.metadata.creationTimestamp ?? "") || 0),
    // Times count in seconds; of two pods of one second the later written one is the younger.
    (pod) => -(Number(pod.metadata.resourceVersion) || 0),
  ];
  return [...pods]
    .sort((a, b) => {
      for (const rank of ranks) {
        const difference = rank(a) - rank(b);
        if (difference !== 0) return difference;
      }
      return 0;
    })
    .slice(0, count);
}

const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));
}
