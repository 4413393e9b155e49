import { kinds, matchesLabelSelector, objectKey, type Pod } from "../../kube/index.ts";
import type { AllObjects } from "../core/all-objects.ts";
import { enqueueChanges, runReconciler, type StartController } from "../core/controller.ts";
import { disruptionBudgets } from "./disruption-budget.ts";
import { component, reconcileDisruptionBudget } from "./reconcile-disruption-budget.ts";

/** Keeps the status of PodDisruptionBudgets, by which evictions are granted. */
export function disruptionBudgetsController(objects: Pick<AllObjects, "find" | "synced">): StartController {
  return (cluster) => {
    const budgets = cluster.store(disruptionBudgets);
    const pods = cluster.store(kinds.pods);
    const budgetsOf = (pod: Pod) =>
      budgets
        .list(pod.metadata.namespace)
        .filter(({ spec }) => matchesLabelSelector(spec.selector, pod.metadata.labels));
    const needs = [
      budgets,
      pods,
      cluster.store(kinds.replicaSets),
      cluster.store(kinds.deployments),
      objects,
    ];
    return runReconciler(cluster, {
      name: "disruption-budgets",
      needs,
      wire(queue) {
        enqueueChanges(budgets, queue, objectKey);
        pods.subscribe((change) => {
          const selecting = budgetsOf(change.object);
          if (selecting.length > 1 && change.type === "added") {
            const { namespace, name } = change.object.metadata;
            const message = `Pod ${JSON.stringify(namespace)}/${JSON.stringify(name)} matches multiple PodDisruptionBudgets.  Chose ${JSON.stringify(selecting[0]?.metadata.name)} arbitrarily.`;
            cluster.events.record(component, change.object, {
              type: "Warning",
              reason: "MultiplePodDisruptionBudgets",
              message,
            });
          }
          for (const budget of selecting) queue.add(objectKey(budget));
          // A pod that lost its labels is one less for the budget that had it.
          if (change.type === "modified")
            for (const budget of budgetsOf(change.previous)) queue.add(objectKey(budget));
        });
      },
      reconcile: (id) => reconcileDisruptionBudget(cluster, objects, id),
    });
  };
}
