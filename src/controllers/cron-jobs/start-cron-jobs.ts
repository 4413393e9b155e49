import { key, objectKey } from "../../kube/index.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import { runReconciler, type StartController } from "../core/controller.ts";
import { controllerOf } from "../core/owners.ts";
import { jobs } from "../jobs/job.ts";
import { cronJobs } from "./cron-job.ts";
import { reconcileCronJob } from "./reconcile-cron-job.ts";

/** Starts Jobs by the clock. */
export const startCronJobs: StartController = (cluster) => {
  const all = cluster.store(cronJobs);
  const started = cluster.store(jobs);
  return runReconciler(cluster, {
    name: "cron-jobs",
    needs: [all, started],
    wire(queue) {
      all.subscribe((change) => {
        const isStatus = change.type === "modified" && isEquivalent(change.object.spec, change.previous.spec);
        if (!isStatus) queue.add(objectKey(change.object));
      });
      started.subscribe(({ object }) => {
        const owner = controllerOf(object);
        if (owner?.kind === "CronJob") queue.add(key(owner.name, object.metadata.namespace));
      });
    },
    reconcile: (id) => reconcileCronJob(cluster, id),
  });
};
