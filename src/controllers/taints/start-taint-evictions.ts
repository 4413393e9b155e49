import {
  isApiError,
  kinds,
  type Node,
  objectKey,
  type Pod,
  type Requeue,
  type Taint,
  tolerationOf,
} from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import type { Cluster } from "../core/cluster.ts";
import { runReconciler, type StartController } from "../core/controller.ts";
import { splitKey } from "../core/keys.ts";
import { isFinished, isTerminating } from "../core/pods.ts";

const component = "taint-eviction-controller";

/** Since when a pod has been where it may only stay for a while, in milliseconds. */
type Stays = Map<string, number>;

/** Deletes pods from nodes with NoExecute taints that they don't tolerate, or tolerate for some time only. */
export const startTaintEvictions: StartController = (cluster) => {
  const nodes = cluster.store(kinds.nodes);
  const pods = cluster.store(kinds.pods);
  const stays: Stays = new Map();
  return runReconciler(cluster, {
    name: "taint-evictions",
    needs: [nodes, pods],
    wire(queue) {
      nodes.subscribe((change) => {
        const before = change.type === "modified" ? lethalTaints(change.previous) : [];
        const now = change.type === "deleted" ? [] : lethalTaints(change.object);
        if (isEquivalent(before, now)) return;
        const { name } = change.object.metadata;
        for (const pod of pods.list()) if (pod.spec.nodeName === name) queue.add(objectKey(pod));
      });
      pods.subscribe((change) => {
        const { object } = change;
        const uid = object.metadata.uid ?? "";
        if (change.type === "deleted") stays.delete(uid);
        else if (change.type === "modified" && isEquivalent(placeOf(object), placeOf(change.previous)))
          return;
        else if (lethalTaints(nodes.get(object.spec.nodeName ?? "")).length > 0) queue.add(objectKey(object));
      });
    },
    reconcile: (key) => reconcilePod(cluster, stays, key),
  });
};

async function reconcilePod(cluster: Cluster, stays: Stays, key: string): Promise<Requeue | undefined> {
  const { namespace, name } = splitKey(key);
  const pod = cluster.store(kinds.pods).get(name, namespace);
  if (pod === undefined || isTerminating(pod) || isFinished(pod)) return undefined;
  const uid = pod.metadata.uid ?? "";
  const allowed = staySeconds(pod, lethalTaints(cluster.store(kinds.nodes).get(pod.spec.nodeName ?? "")));
  const record = (message: string) =>
    cluster.events.record(component, pod, { type: "Normal", reason: "TaintManagerEviction", message });
  if (allowed === Infinity) {
    if (stays.delete(uid)) record(`Cancelling deletion of Pod ${namespace}/${name}`);
    return undefined;
  }
  const now = cluster.clock.now();
  const since = stays.get(uid) ?? now;
  stays.set(uid, since);
  const left = since + allowed * 1000 - now;
  if (left > 0) return { requeueAfter: left };
  record(`Marking for deletion Pod ${namespace}/${name}`);
  await markDisrupted(cluster, pod);
  await cluster.remove(kinds.pods, pod);
  return undefined;
}

/** How many seconds the pod may stay: the least that a toleration allows, 0 when a taint is not tolerated. */
function staySeconds(pod: Pod, taints: readonly Taint[]): number {
  const seconds = taints.map((taint) => {
    const toleration = tolerationOf(pod, taint);
    return toleration === undefined ? 0 : Math.max(0, toleration.tolerationSeconds ?? Infinity);
  });
  return Math.min(Infinity, ...seconds);
}

function lethalTaints(node: Node | undefined): readonly Taint[] {
  return (node?.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
}

function placeOf({ spec }: Pod) {
  return [spec.nodeName, spec.tolerations];
}

/** Says on the pod why it is deleted. */
async function markDisrupted(cluster: Cluster, pod: Pod): Promise<void> {
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "DisruptionTarget");
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "DeletionByTaintManager",
    message: "Taint manager: deleting due to NoExecute taint",
    lastProbeTime: null,
    lastTransitionTime: cluster.timestamp(),
  };
  const { resourceVersion } = pod.metadata;
  const patch = { metadata: { resourceVersion }, status: { conditions: [...others, condition] } };
  try {
    await cluster.mergePatch(kinds.pods, pod, patch, "status");
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
  }
}
