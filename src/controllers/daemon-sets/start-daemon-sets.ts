import { key, kinds, objectKey } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import { enqueueChanges, runReconciler, type StartController } from "../core/controller.ts";
import { controllerRevisions } from "../core/controller-revisions.ts";
import { controllerOf } from "../core/owners.ts";
import { createPodControl } from "../core/pod-control.ts";
import { daemonSets } from "./daemon-set.ts";
import { reconcileDaemonSet } from "./reconcile-daemon-set.ts";

/** Keeps the pods of DaemonSets, one a node. */
export const startDaemonSets: StartController = (cluster) => {
  const sets = cluster.store(daemonSets);
  const pods = cluster.store(kinds.pods);
  const nodes = cluster.store(kinds.nodes);
  const control = createPodControl(cluster, "daemonset-controller");
  return runReconciler(cluster, {
    name: "daemon-sets",
    needs: [sets, pods, nodes, cluster.store(controllerRevisions)],
    wire(queue) {
      enqueueChanges(sets, queue, objectKey);
      pods.subscribe(({ object }) => {
        const owner = controllerOf(object);
        if (owner?.kind === "DaemonSet") queue.add(key(owner.name, object.metadata.namespace));
      });
      nodes.subscribe((change) => {
        const isHeartbeat =
          change.type === "modified" &&
          isEquivalent(change.object.spec, change.previous.spec) &&
          isEquivalent(change.object.metadata.labels, change.previous.metadata.labels);
        if (!isHeartbeat) for (const set of sets.list()) queue.add(objectKey(set));
      });
    },
    reconcile: (id, queue) => reconcileDaemonSet(cluster, control, id, () => queue.add(id)),
  });
};
