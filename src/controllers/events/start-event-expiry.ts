import { type KubeObject, kinds } from "../../kube/index.ts";
import type { Cluster } from "../core/cluster.ts";
import { runReconciler, type StartController } from "../core/controller.ts";

/** How long an event is kept after it happened last: Kubernetes' default. */
const keptFor = 3_600_000;
/** Events of one cluster at most: without a bound, a noisy hour would fill memory and disk. */
const mostEvents = 5000;
const interval = 300_000;

/** Deletes events that are an hour old, and the oldest where there are too many. */
export const startEventExpiry: StartController = (cluster) =>
  runReconciler(cluster, {
    name: "event-expiry",
    needs: [],
    concurrency: 1,
    // Nothing is old yet when a cluster starts.
    wire: (queue) => queue.addAfter("all", interval),
    async reconcile() {
      await expireEvents(cluster);
      return { requeueAfter: interval };
    },
  });

async function expireEvents(cluster: Cluster): Promise<void> {
  const { items } = await cluster.client.list(kinds.events);
  const oldest = [...items].sort((a, b) => lastTime(a) - lastTime(b));
  const surplus = Math.max(0, oldest.length - mostEvents);
  const due = cluster.clock.now() - keptFor;
  for (const [i, event] of oldest.entries()) {
    if (cluster.signal.aborted) return;
    if (i < surplus || lastTime(event) < due) await cluster.remove(kinds.events, event);
  }
}

function lastTime({ lastTimestamp, eventTime, metadata }: KubeObject): number {
  for (const time of [lastTimestamp, eventTime, metadata.creationTimestamp]) {
    const parsed = typeof time === "string" ? Date.parse(time) : Number.NaN;
    if (!Number.isNaN(parsed)) return parsed;
  }
  return 0;
}
