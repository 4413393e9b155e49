import { forbiddingTaint, isWantedNode, type Node, type Pod, tolerates } from "../../kube/index.ts";
import { hostPorts, type NodeUse } from "./node-usage.ts";
import { amounts, podRequests } from "./resource-requests.ts";

/** Why a pod can't go to a node, in Kubernetes' words. */
export interface Misfit {
  readonly reasons: readonly string[];
  /** Whether no removal of other pods could help. */
  readonly isFinal: boolean;
}

/** Says why the pod can't run on the node, or undefined when it can as far as this filter goes. */
type NodeFilter = (pod: Pod, node: Node, use: NodeUse) => Misfit | undefined;

/** In Kubernetes' order: the first that refuses a node gives the reason. */
const filters: readonly NodeFilter[] = [unschedulable, taints, affinity, ports, resources];

/** Why the pod can't run on the node, or undefined when it can. */
export function misfit(pod: Pod, node: Node, use: NodeUse): Misfit | undefined {
  for (const filter of filters) {
    const found = filter(pod, node, use);
    if (found !== undefined) return found;
  }
  return undefined;
}

function unschedulable(pod: Pod, node: Node): Misfit | undefined {
  const cordon = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
  if (node.spec?.unschedulable !== true || tolerates(pod, cordon)) return undefined;
  return final("node(s) were unschedulable");
}

function taints(pod: Pod, node: Node): Misfit | undefined {
  const taint = forbiddingTaint(pod, node);
  return taint && final(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`);
}

function affinity(pod: Pod, node: Node): Misfit | undefined {
  return isWantedNode(pod, node) ? undefined : final("node(s) didn't match Pod's node affinity/selector");
}

function ports(pod: Pod, _node: Node, use: NodeUse): Misfit | undefined {
  if (!hostPorts(pod).some((port) => use.hostPorts.has(port))) return undefined;
  return { reasons: ["node(s) didn't have free ports for the requested pod ports"], isFinal: false };
}

/** A node that doesn't say how many pods it takes, takes as many as kubelet does by default. */
const defaultMostPods = 110;

function resources(pod: Pod, node: Node, use: NodeUse): Misfit | undefined {
  const allocatable = amounts(node.status?.allocatable ?? node.status?.capacity);
  const mostPods = (allocatable.get("pods") ?? defaultMostPods * 1000) / 1000;
  const reasons = use.pods + 1 > mostPods ? ["Too many pods"] : [];
  let isFinal = false;
  for (const [name, wanted] of podRequests(pod.spec)) {
    const has = allocatable.get(name) ?? 0;
    if (wanted === 0 || wanted + (use.requested.get(name) ?? 0) <= has) continue;
    reasons.push(`Insufficient ${name}`);
    if (wanted > has) isFinal = true;
  }
  return reasons.length === 0 ? undefined : { reasons, isFinal };
}

function final(reason: string): Misfit {
  return { reasons: [reason], isFinal: true };
}

/** The whole sentence of Kubernetes' scheduler about a pod that fits no node. */
export function unschedulableMessage(misfits: readonly Misfit[]): string {
  if (misfits.length === 0) return "no nodes available to schedule pods";
  const total = misfits.length;
  const preemption = misfits.map(({ isFinal }) =>
    isFinal ? "Preemption is not helpful for scheduling" : "No preemption victims found for incoming pod",
  );
  const available = (reasons: readonly string[]) => `0/${total} nodes are available: ${tally(reasons)}.`;
  return `${available(misfits.flatMap(({ reasons }) => reasons))} preemption: ${available(preemption)}`;
}

function tally(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(", ");
}
