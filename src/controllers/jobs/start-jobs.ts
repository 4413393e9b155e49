import { key, kinds, objectKey } from "../../kube/index.ts";
import { enqueueChanges, runReconciler, type StartController } from "../core/controller.ts";
import { controllerOf } from "../core/owners.ts";
import { createPodControl } from "../core/pod-control.ts";
import { jobs } from "./job.ts";
import { component, reconcileJob } from "./reconcile-job.ts";

/** Runs Jobs to their end. */
export const startJobs: StartController = (cluster) => {
  const all = cluster.store(jobs);
  const pods = cluster.store(kinds.pods);
  const control = createPodControl(cluster, component);
  return runReconciler(cluster, {
    name: "jobs",
    needs: [all, pods],
    wire(queue) {
      enqueueChanges(all, queue, objectKey);
      pods.subscribe(({ object }) => {
        const owner = controllerOf(object);
        if (owner?.kind === "Job") queue.add(key(owner.name, object.metadata.namespace));
      });
    },
    reconcile: (id, queue) => reconcileJob(cluster, control, id, () => queue.add(id)),
  });
};
