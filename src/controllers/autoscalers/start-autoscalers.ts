import { kinds, objectKey } from "../../kube/index.ts";
import type { AllObjects } from "../core/all-objects.ts";
import { isEquivalent } from "../core/canonical-json.ts";
import { runReconciler, type StartController } from "../core/controller.ts";
import { autoscalers } from "./autoscaler.ts";
import type { ScalingHistory } from "./limit-scaling.ts";
import { reconcileAutoscaler } from "./reconcile-autoscaler.ts";

/** How often every autoscaler is looked at, in milliseconds: Kubernetes' own. */
const usualPeriod = 15_000;
/** When a look that could not decide is repeated first; each further one takes twice as long, up to the period. */
const firstRetry = 1000;

/**
 * Scales what HorizontalPodAutoscalers name by what its pods use. An autoscaler is looked at when it comes, when its
 * spec changes, and every `period` milliseconds, sooner at first while its pods or their metrics are still missing;
 * without one there is nothing to do.
 */
export function autoscalersController(
  objects: Pick<AllObjects, "find" | "synced">,
  period = usualPeriod,
): StartController {
  return (cluster) => {
    const store = cluster.store(autoscalers);
    const histories = new Map<string, ScalingHistory>();
    const retries = new Map<string, number>();
    return runReconciler(cluster, {
      name: "horizontal-pod-autoscalers",
      needs: [store, cluster.store(kinds.pods), objects],
      wire(queue) {
        store.subscribe((change) => {
          const isNews =
            change.type !== "modified" || !isEquivalent(change.object.spec, change.previous.spec);
          if (isNews) queue.add(objectKey(change.object));
        });
      },
      async reconcile(id) {
        const hasDecided = await reconcileAutoscaler(cluster, objects, histories, id);
        const retry = hasDecided === false ? (retries.get(id) ?? firstRetry) : period;
        if (hasDecided === false) retries.set(id, Math.min(retry * 2, period));
        else retries.delete(id);
        return hasDecided === undefined ? undefined : { requeueAfter: Math.min(retry, period) };
      },
    });
  };
}
