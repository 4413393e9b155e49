import { createRetry, type Logger, type Retry, systemClock } from "../../../base/index.ts";
import { type Informer, isApiError, type KubeObject } from "../../../kube/index.ts";

/** Most repairs that run at the same time. */
const mostRunning = 16;

/** Thrown by a repair that has to wait for something that will come by itself: tried again without a warning. */
export class NotYet extends Error {
  override readonly name = "NotYet";
}

/** Names of things to look at and put right. */
export interface RepairQueue {
  /** Looks at `name` now, or again after the look that is under way. */
  add(name: string): void;
  /** Adds what failed and waits for its next try. */
  retryNow(): void;
}

/**
 * Runs `repair` for the names that are added, for each name one at a time. What it throws is tried again, after 20 ms
 * at first and 30 s at most; one sort of failure is logged once until nothing fails any more.
 */
export function createRepairQueue(
  repair: (name: string) => Promise<void>,
  options: { readonly signal: AbortSignal; readonly log: Logger; readonly what: string },
): RepairQueue {
  const { signal, log, what } = options;
  const queued = new Set<string>();
  const running = new Set<string>();
  const failing = new Map<string, { readonly retry: Retry; cancel(): void }>();
  const told = new Set<string>();

  const tell = (name: string, reason: unknown) => {
    const fields = { name, reason: String(reason) };
    const sort = isApiError(reason) ? `${reason.code}` : "no answer";
    // Somebody else was faster: the next look sees what they did.
    if (reason instanceof NotYet || isApiError(reason, 409) || told.has(sort)) {
      log.debug(fields, `${what} could not be brought up to date`);
      return;
    }
    told.add(sort);
    log.warn(fields, `${what} could not be brought up to date, trying again`);
  };
  const run = async (name: string) => {
    try {
      await repair(name);
      failing.delete(name);
      if (failing.size === 0) told.clear();
    } catch (reason) {
      if (signal.aborted) return;
      tell(name, reason);
      const retry = failing.get(name)?.retry ?? createRetry(systemClock, { first: 20, most: 30_000 });
      failing.set(name, { retry, cancel: systemClock.after(retry.next(), () => add(name)) });
    } finally {
      running.delete(name);
      runNext();
    }
  };
  const runNext = () => {
    for (const name of queued) {
      if (signal.aborted || running.size >= mostRunning) return;
      if (running.has(name)) continue;
      queued.delete(name);
      running.add(name);
      void run(name);
    }
  };
  const add = (name: string) => {
    failing.get(name)?.cancel();
    queued.add(name);
    runNext();
  };
  const cancelAll = () => {
    for (const { cancel } of failing.values()) cancel();
  };
  signal.addEventListener("abort", cancelAll, { once: true });
  return {
    add,
    retryNow() {
      for (const name of [...failing.keys()]) add(name);
    },
  };
}

/**
 * Tells in the log, once, that what an informer reads is forbidden, and tries what failed again as soon as the
 * informer has an answer after a time without one.
 */
export function followFailures(
  informer: Informer<KubeObject>,
  queue: RepairQueue,
  options: { readonly signal: AbortSignal; readonly log: Logger; readonly what: string },
): void {
  let isFailing = false;
  let isTold = false;
  informer.changes.subscribe(() => {
    const { failure } = informer;
    if (isFailing && failure === undefined) {
      isTold = false;
      queue.retryNow();
    }
    isFailing = failure !== undefined;
    if (isApiError(failure, 403) && !isTold) {
      isTold = true;
      options.log.warn({ reason: failure.message }, `${options.what} can't be read, trying again`);
    }
  }, options.signal);
}
