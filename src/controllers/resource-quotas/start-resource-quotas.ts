import { type Change, type Kind, type KubeObject, objectKey, type Pod } from "../../kube/index.ts";
import type { AllObjects } from "../core/all-objects.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import { runReconciler, type StartController } from "../core/controller.ts";
import { isFinished } from "../core/pods.ts";
import { reconcileResourceQuota } from "./reconcile-resource-quota.ts";
import { resourceQuotas } from "./resource-quota.ts";

/** New objects are counted by the API server when they are stored, so looking at them can wait, in milliseconds. */
const addedPatience = 250;

/** Keeps the status of ResourceQuotas: what they allow, and what is in use when something has gone. */
export function resourceQuotasController(objects: AllObjects): StartController {
  return (cluster) => {
    const quotas = cluster.store(resourceQuotas);
    return runReconciler(cluster, {
      name: "resource-quotas",
      needs: [quotas, objects],
      concurrency: 1,
      wire(queue) {
        quotas.subscribe((change) => {
          // The use that the API server counts is no news.
          if (change.type === "modified" && isEquivalent(change.object.spec, change.previous.spec)) return;
          queue.add(objectKey(change.object));
        });
        objects.subscribe((kind, change) => {
          const { namespace } = change.object.metadata;
          const affected = namespace === undefined ? [] : quotas.list(namespace);
          if (affected.length === 0 || !changesUse(kind, change)) return;
          for (const quota of affected)
            if (change.type === "added") queue.addAfter(objectKey(quota), addedPatience);
            else queue.add(objectKey(quota));
        });
      },
      reconcile: (id) => reconcileResourceQuota(cluster, objects, id),
    });
  };
}

/** Whether a change may mean another use: of most kinds only their number counts. */
function changesUse({ group, plural }: Kind, change: Change<KubeObject>): boolean {
  if (change.type !== "modified") return true;
  if (group !== "") return false;
  if (plural === "pods") return isFinished(change.object as Pod) !== isFinished(change.previous as Pod);
  const hasShares = plural === "services" || plural === "persistentvolumeclaims";
  return hasShares && !isEquivalent(change.object["spec"], change.previous["spec"]);
}
