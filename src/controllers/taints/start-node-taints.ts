import { kinds, type Node, type Taint } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { findCondition } from "../core/conditions.ts";
import { enqueueChanges, runReconciler, type StartController } from "../core/controller.ts";

/** Conditions of nodes, and the taints that they mean. */
const pressures: readonly (readonly [condition: string, taint: string])[] = [
  ["MemoryPressure", "node.kubernetes.io/memory-pressure"],
  ["DiskPressure", "node.kubernetes.io/disk-pressure"],
  ["PIDPressure", "node.kubernetes.io/pid-pressure"],
  ["NetworkUnavailable", "node.kubernetes.io/network-unavailable"],
];
const unschedulable = "node.kubernetes.io/unschedulable";
const notReady = "node.kubernetes.io/not-ready";
const unreachable = "node.kubernetes.io/unreachable";
const ours = new Set([unschedulable, notReady, unreachable, ...pressures.map(([, taint]) => taint)]);

/** Taints nodes by what is true of them: cordoned, not ready, unreachable, under pressure. Other taints stay. */
export const startNodeTaints: StartController = (cluster) => {
  const nodes = cluster.store(kinds.nodes);
  return runReconciler(cluster, {
    name: "node-taints",
    needs: [nodes],
    wire: (queue) => enqueueChanges(nodes, queue, ({ metadata }) => metadata.name),
    async reconcile(name) {
      const node = nodes.get(name);
      if (node !== undefined && node.metadata.deletionTimestamp === undefined) await retaint(cluster, node);
      return undefined;
    },
  });
};

async function retaint(cluster: Cluster, node: Node): Promise<void> {
  const present = node.spec?.taints ?? [];
  const wanted = wantedTaints(node);
  const taints = [
    ...present.filter((taint) => !ours.has(taint.key) || wanted.some((one) => isSame(one, taint))),
    ...wanted
      .filter((taint) => !present.some((one) => isSame(one, taint)))
      .map((taint) => ({ ...taint, timeAdded: cluster.timestamp() })),
  ];
  if (isEquivalent(taints, present)) return;
  const { resourceVersion } = node.metadata;
  await cluster.mergePatch(kinds.nodes, node, { metadata: { resourceVersion }, spec: { taints } });
}

function wantedTaints({ spec, status }: Node): readonly Taint[] {
  const conditions = status?.conditions;
  const ready = findCondition(conditions, "Ready")?.status;
  const trouble = ready === "False" ? notReady : ready === "Unknown" ? unreachable : undefined;
  return [
    ...(spec?.unschedulable === true ? [{ key: unschedulable, effect: "NoSchedule" }] : []),
    ...(trouble === undefined
      ? []
      : [
          { key: trouble, effect: "NoSchedule" },
          { key: trouble, effect: "NoExecute" },
        ]),
    ...pressures
      .filter(([condition]) => findCondition(conditions, condition)?.status === "True")
      .map(([, key]) => ({ key, effect: "NoSchedule" })),
  ];
}

function isSame(a: Taint, b: Taint): boolean {
  return a.key === b.key && a.effect === b.effect;
}
