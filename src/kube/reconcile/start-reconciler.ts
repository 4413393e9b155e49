import { IsthmusError, type Logger, type Stop } from "../../base/index.ts";
import { isApiError } from "../api-error.ts";
import type { WorkQueue } from "./work-queue.ts";

/** Asks for another look at the same key after `requeueAfter` milliseconds, for what only time brings about. */
export interface Requeue {
  readonly requeueAfter: number;
}

/** Makes the world agree with the object of this key. Told which object, never what happened to it. */
export type Reconcile = (key: string) => Promise<Requeue | undefined>;

export interface ReconcilerOptions {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly reconcile: Reconcile;
  /** How many keys are worked on at the same time. */
  readonly concurrency: number;
  /** Nothing is reconciled before, so that an incomplete cache is never taken for the truth. */
  readonly ready: Promise<unknown>;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * Works a queue off until `signal` aborts. A reconcile that fails is repeated with the queue's back-off, and
 * at once when the key is added again meanwhile. The returned function resolves when the work under way has ended.
 */
export function startReconciler(options: ReconcilerOptions): Stop {
  const { name, queue, reconcile, concurrency, ready, signal, log } = options;
  const running = new Set<Promise<void>>();
  let isReady = false;
  let isPlanned = false;

  const work = async (key: string) => {
    try {
      const requeue = await reconcile(key);
      queue.forget(key);
      if (requeue !== undefined) queue.addAfter(key, requeue.requeueAfter);
    } catch (reason) {
      if (signal.aborted) return;
      queue.addWithBackOff(key);
      // An answer of the API server (a conflict, a webhook away) or a cluster that is away is everyday; anything else may
      // be a mistake of ours.
      if (isApiError(reason) || reason instanceof IsthmusError)
        log.debug({ reconciler: name, key, reason: reason.message }, "trying again");
      else log.warn({ reconciler: name, key, reason: describe(reason) }, "reconciling failed, trying again");
    } finally {
      queue.done(key);
    }
  };
  const pump = () => {
    isPlanned = false;
    while (isReady && !signal.aborted && running.size < concurrency) {
      const key = queue.take();
      if (key === undefined) return;
      const task: Promise<void> = work(key).finally(() => {
        running.delete(task);
        plan();
      });
      running.add(task);
    }
  };
  // Not at once: a burst of changes that arrive in one turn of the event loop becomes one look at the object.
  const plan = () => {
    if (isPlanned || !isReady || signal.aborted) return;
    isPlanned = true;
    setImmediate(pump);
  };
  queue.onReady(plan);
  ready.then(
    () => {
      isReady = true;
      plan();
    },
    () => {}, // Stopped before the first list arrived.
  );
  return async () => {
    await Promise.all(running);
  };
}

function describe(reason: unknown): string {
  return reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
}
