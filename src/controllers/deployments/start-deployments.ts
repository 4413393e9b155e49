import { key, kinds, matchesLabelSelector, objectKey, type ReplicaSet } from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import { enqueueChanges, runReconciler, type StartController } from "../core/controller.ts";
import { controllerOf } from "../core/owners.ts";
import { isRolling } from "./deployment-math.ts";
import { reconcileDeployment } from "./reconcile-deployment.ts";

/** Rolls Deployments out over ReplicaSets. */
export const startDeployments: StartController = (cluster) => {
  const deployments = cluster.store(kinds.deployments);
  const replicaSets = cluster.store(kinds.replicaSets);
  const pods = cluster.store(kinds.pods);
  return runReconciler(cluster, {
    name: "deployments",
    needs: [deployments, replicaSets, pods],
    wire(queue) {
      enqueueChanges(deployments, queue, objectKey);
      replicaSets.subscribe((change) => {
        for (const id of deploymentsOf(cluster, change.object)) queue.add(id);
        if (change.type === "modified")
          for (const id of deploymentsOf(cluster, change.previous)) queue.add(id);
      });
      // Only Recreate waits for pods themselves: for the last old one to be gone.
      pods.subscribe(({ type, object }) => {
        const replicaSet = type === "added" ? undefined : controllerOf(object);
        const owner = replicaSet && controllerOf(replicaSets.byUid(replicaSet.uid) ?? object);
        const deployment = owner && deployments.get(owner.name, object.metadata.namespace);
        if (deployment !== undefined && !isRolling(deployment)) queue.add(objectKey(deployment));
      });
    },
    reconcile: (id) => reconcileDeployment(cluster, id),
  });
};

function deploymentsOf(cluster: Cluster, replicaSet: ReplicaSet): readonly string[] {
  const { namespace, labels } = replicaSet.metadata;
  const controller = controllerOf(replicaSet);
  if (controller !== undefined)
    return controller.kind === "Deployment" ? [key(controller.name, namespace)] : [];
  return cluster
    .store(kinds.deployments)
    .list(namespace)
    .filter((deployment) => matchesLabelSelector(deployment.spec.selector, labels))
    .map(objectKey);
}
