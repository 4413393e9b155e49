import { discouragingTaints, type Node, type Pod, preferenceFor } from "../../kube/index.ts";
import { controllerOf } from "../core/owners.ts";
import type { NodeUsage, NodeUse } from "./node-usage.ts";
import { amounts } from "./resource-requests.ts";

/** How Kubernetes weighs what speaks for a node. Every part counts from 0 to 100 before its weight. */
const weights = { taints: 3, preference: 2, spread: 2, free: 1 } as const;

const zoneLabel = "topology.kubernetes.io/zone";

/**
 * The best of the nodes that fit: preferred by the pod, not advised against, few pods of the same controller on it
 * and in its zone, much of it free. Of equals the first by name, so that the same state gives the same choice.
 */
export function bestNode(pod: Pod, nodes: readonly Node[], usage: NodeUsage): Node | undefined {
  if (nodes.length <= 1) return nodes[0];
  const owner = controllerOf(pod)?.uid ?? "";
  const byZone = new Map<string, number>();
  for (const node of nodes) {
    const zone = zoneOf(node);
    byZone.set(zone, (byZone.get(zone) ?? 0) + (usage.of(node).siblings.get(owner) ?? 0));
  }
  const parts = nodes.map((node) => {
    const use = usage.of(node);
    return {
      node,
      preference: preferenceFor(pod, node),
      taints: discouragingTaints(pod, node),
      onNode: use.siblings.get(owner) ?? 0,
      inZone: byZone.get(zoneOf(node)) ?? 0,
      free: freeShare(node, use),
      pods: use.pods,
    };
  });
  const most = (value: (part: (typeof parts)[number]) => number) => Math.max(1, ...parts.map(value));
  const limits = {
    preference: most((part) => part.preference),
    taints: most((part) => part.taints),
    onNode: most((part) => part.onNode),
    inZone: most((part) => part.inZone),
  };
  const scored = parts.map((part) => ({
    ...part,
    score:
      weights.preference * 100 * (part.preference / limits.preference) +
      weights.taints * 100 * (1 - part.taints / limits.taints) +
      weights.spread * (60 * (1 - part.onNode / limits.onNode) + 40 * (1 - part.inZone / limits.inZone)) +
      weights.free * 100 * part.free,
  }));
  scored.sort(
    (a, b) =>
      b.score - a.score || a.pods - b.pods || a.node.metadata.name.localeCompare(b.node.metadata.name),
  );
  return scored[0]?.node;
}

function zoneOf({ metadata }: Node): string {
  return metadata.labels?.[zoneLabel] ?? "";
}

/** What Kubernetes takes a pod without requests to need, so that such pods spread as well. */
const unstated = { cpu: 100, memory: 200 * 2 ** 20 * 1000 } as const;

/** The mean of the free shares of CPU and memory, 0 to 1. */
function freeShare(node: Node, use: NodeUse): number {
  const allocatable = amounts(node.status?.allocatable ?? node.status?.capacity);
  const shares = (["cpu", "memory"] as const).map((name) => {
    const has = allocatable.get(name) ?? 0;
    const taken = Math.max(use.requested.get(name) ?? 0, use.pods * unstated[name]);
    return has === 0 ? 0 : Math.max(0, 1 - taken / has);
  });
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}
