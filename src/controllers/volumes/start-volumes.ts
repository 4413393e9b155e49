import { key, kinds, objectKey } from "../../kube/index.ts";
import { enqueueChanges, runReconciler, type StartController } from "../core/controller.ts";
import { claimNames, reconcileClaim } from "./reconcile-claim.ts";
import { reconcileVolume } from "./reconcile-volume.ts";
import { storageClasses, volumeClaims, volumes } from "./volume-kinds.ts";

/** Brings claims and volumes together, and makes volumes for claims of the class that is served here. */
export const startVolumes: StartController = (cluster) => {
  const claims = cluster.store(volumeClaims);
  const all = cluster.store(volumes);
  const classes = cluster.store(storageClasses);
  const pods = cluster.store(kinds.pods);
  const stopClaims = runReconciler(cluster, {
    name: "volume-claims",
    needs: [claims, all, classes, pods],
    // Two claims must not get one volume.
    concurrency: 1,
    wire(queue) {
      enqueueChanges(claims, queue, objectKey);
      const waiting = () => {
        for (const claim of claims.list()) if (claim.status?.phase !== "Bound") queue.add(objectKey(claim));
      };
      all.subscribe(({ type, object }) => {
        const { claimRef } = object.spec;
        if (claimRef?.name !== undefined) queue.add(key(claimRef.name, claimRef.namespace));
        if (type !== "deleted") waiting();
      });
      classes.subscribe(waiting);
      pods.subscribe(({ type, object }) => {
        if (type === "added")
          for (const name of claimNames(object.spec)) queue.add(key(name, object.metadata.namespace));
      });
    },
    reconcile: (id) => reconcileClaim(cluster, id),
  });
  const stopVolumes = runReconciler(cluster, {
    name: "volumes",
    needs: [claims, all],
    wire(queue) {
      enqueueChanges(all, queue, ({ metadata }) => metadata.name);
      claims.subscribe(({ type, object }) => {
        if (type === "deleted" && object.spec.volumeName !== undefined) queue.add(object.spec.volumeName);
      });
    },
    reconcile: (name) => reconcileVolume(cluster, name),
  });
  return async () => {
    await Promise.all([stopClaims(), stopVolumes()]);
  };
};
