import { type KubeObject, key, kinds, matchesLabelSelector, objectKey, type Pod } from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import { enqueueChanges, runReconciler, type StartController } from "../core/controller.ts";
import { controllerOf } from "../core/owners.ts";
import { createPodControl } from "../core/pod-control.ts";
import { reconcileReplicaSet } from "./reconcile-replica-set.ts";

/** Keeps as many pods as each ReplicaSet wants. */
export const startReplicaSets: StartController = (cluster) => {
  const replicaSets = cluster.store(kinds.replicaSets);
  const pods = cluster.store(kinds.pods);
  const control = createPodControl(cluster, "replicaset-controller");
  return runReconciler(cluster, {
    name: "replica-sets",
    needs: [replicaSets, pods],
    wire(queue) {
      enqueueChanges(replicaSets, queue, objectKey);
      pods.subscribe((change) => {
        for (const id of replicaSetsOf(cluster, change.object)) queue.add(id);
        // A pod that was released or relabelled concerns the one that had it, too.
        if (change.type === "modified")
          for (const id of replicaSetsOf(cluster, change.previous)) queue.add(id);
      });
    },
    reconcile: (id, queue) => reconcileReplicaSet(cluster, control, id, () => queue.add(id)),
  });
};

/** Keys of the ReplicaSet that controls the pod, or of all that could adopt it. */
function replicaSetsOf(cluster: Cluster, pod: Pod): readonly string[] {
  const { namespace, labels } = pod.metadata;
  const controller = controllerOf(pod);
  if (controller !== undefined) return isReplicaSet(controller) ? [key(controller.name, namespace)] : [];
  if (labels === undefined || pod.metadata.deletionTimestamp !== undefined) return [];
  return cluster
    .store(kinds.replicaSets)
    .list(namespace)
    .filter((replicaSet) => matchesLabelSelector(replicaSet.spec.selector, labels))
    .map(objectKey);
}

function isReplicaSet({ kind, apiVersion }: Pick<KubeObject, "kind" | "apiVersion">): boolean {
  return kind === "ReplicaSet" && apiVersion.startsWith("apps/");
}
