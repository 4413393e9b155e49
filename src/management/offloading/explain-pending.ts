import {
  addResources,
  compareQuantities,
  formatQuantity,
  isVirtualNode,
  type Node,
  type Pod,
  podRequests,
  type ResourceList,
  resourceList,
  subtractQuantities,
  tolerates,
} from "../../kube/index.ts";
import { wantsOnly } from "./link.ts";
import { remoteClusterLabel, virtualNodeTaint } from "./marks.ts";

/** Why a provider does not run a pod that nothing else can run. */
export interface PendingReason {
  /** CamelCase */
  readonly reason: string;
  readonly message: string;
}

/**
 * Says of a pod that waits for a node what stands between it and the virtual node that it asks for: Kubernetes' scheduler
 * only counts nodes. Undefined for pods that other nodes could take, and for pods that fit no virtual node at all.
 */
export function explainPending(
  pod: Pod,
  cluster: { readonly name: string; readonly nodes: readonly Node[]; readonly pods: readonly Pod[] },
): PendingReason | undefined {
  const { nodes, pods, name } = cluster;
  const own = nodes.filter((node) => !isVirtualNode(node));
  const reasons = nodes
    .filter((node) => isVirtualNode(node) && wantsOnly(pod, node, own))
    .flatMap((node) => whyNot(pod, node, pods, name) ?? []);
  return reasons[0];
}

function whyNot(pod: Pod, node: Node, pods: readonly Pod[], home: string): PendingReason | undefined {
  const provider = node.metadata.labels?.[remoteClusterLabel] ?? node.metadata.name;
  const namespace = pod.metadata.namespace ?? "default";
  if (!tolerates(pod, virtualNodeTaint))
    return {
      reason: "NamespaceNotOffloaded",
      message: `namespace ${namespace} of ${home} is not offloaded, so its pods can't run in ${provider}: add it to the namespaces of the peering, or make a NamespaceOffloading in it`,
    };
  if (node.status?.conditions?.find(({ type }) => type === "Ready")?.status !== "True")
    return { reason: "ProviderUnreachable", message: `${provider} does not answer` };
  const missing = missingResources(pod, node, pods);
  if (missing.length === 0) return undefined;
  return {
    reason: "InsufficientProviderResources",
    message: `${provider} has not enough left for it: ${missing.join("; ")}`,
  };
}

/** "cpu: 20 granted, 19800m taken, 1100m needed" */
function missingResources(pod: Pod, node: Node, pods: readonly Pod[]): readonly string[] {
  const granted = resourceList(node.status?.allocatable);
  const taken = pods
    .filter(({ spec, status }) => spec.nodeName === node.metadata.name && !isOver(status?.phase))
    .reduce<ResourceList>((sum, { spec }) => addResources(sum, podRequests(spec)), new Map());
  return [...podRequests(pod.spec)].flatMap(([name, needed]) => {
    const has = granted.get(name);
    const used = taken.get(name);
    const left = has === undefined ? undefined : used === undefined ? has : subtractQuantities(has, used);
    if (left !== undefined && compareQuantities(needed, left) <= 0) return [];
    const amount = (quantity: typeof has) => (quantity === undefined ? "0" : formatQuantity(quantity));
    return [`${name}: ${amount(has)} granted, ${amount(used)} taken, ${amount(needed)} needed`];
  });
}

function isOver(phase: string | undefined): boolean {
  return phase === "Succeeded" || phase === "Failed";
}
