import { key, kinds, objectKey } from "../../kube/index.ts";
import { enqueueChanges, runReconciler, type StartController } from "../core/controller.ts";
import { controllerRevisions } from "../core/controller-revisions.ts";
import { controllerOf } from "../core/owners.ts";
import { createPodControl, type PodWording } from "../core/pod-control.ts";
import { reconcileStatefulSet } from "./reconcile-stateful-set.ts";
import { statefulSets } from "./stateful-set.ts";

const wording: PodWording = {
  created: (pod, owner) => `create Pod ${pod} in StatefulSet ${owner} successful`,
  deleted: (pod, owner) => `delete Pod ${pod} in StatefulSet ${owner} successful`,
  createFailed: (pod, owner, reason) => `create Pod ${pod} in StatefulSet ${owner} failed error: ${reason}`,
  deleteFailed: (pod, owner, reason) => `delete Pod ${pod} in StatefulSet ${owner} failed error: ${reason}`,
};

/** Keeps the numbered pods of StatefulSets. */
export const startStatefulSets: StartController = (cluster) => {
  const sets = cluster.store(statefulSets);
  const pods = cluster.store(kinds.pods);
  const control = createPodControl(cluster, "statefulset-controller", wording);
  return runReconciler(cluster, {
    name: "stateful-sets",
    needs: [sets, pods, cluster.store(controllerRevisions)],
    wire(queue) {
      enqueueChanges(sets, queue, objectKey);
      pods.subscribe(({ object }) => {
        const owner = controllerOf(object);
        if (owner?.kind === "StatefulSet") queue.add(key(owner.name, object.metadata.namespace));
      });
    },
    reconcile: (id, queue) => reconcileStatefulSet(cluster, control, id, () => queue.add(id)),
  });
};
