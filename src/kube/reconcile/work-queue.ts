import { type Clock, createRetry, type Retry } from "../../base/index.ts";

/**
 * Keys that wait to be reconciled. A key is in the queue at most once and is never out twice at the same time:
 * what is added while a key is worked on comes out again after `done`. So the queue is bounded by the
 * number of objects, however many changes there are.
 */
export interface WorkQueue {
  /** Queues the key now, also when it waits for a back-off or a delay. */
  add(key: string): void;
  /** Queues the key after `delay` milliseconds, unless it is queued or asked for earlier. */
  addAfter(key: string, delay: number): void;
  /** Queues the key after its next back-off, which grows by a third from 25 ms to 5 s until `forget`. */
  addWithBackOff(key: string): void;
  /** Ends the key's back-off, after a success. */
  forget(key: string): void;
  /** The next key, which the caller must hand back with `done`; undefined when there is none. */
  take(): string | undefined;
  done(key: string): void;
  /** Calls `listener` whenever `take` may give a key. There is one listener. */
  onReady(listener: () => void): void;
  /** Keys queued or delayed, for tests and limits. */
  readonly size: number;
}

/**
 * Gentle growth: what is refused while a mesh starts (a webhook that is not there yet) is asked for again soon after
 * it came, also where no watch tells, such as a webhook in another cluster.
 */
const backOff = { first: 25, most: 5000, factor: 4 / 3 };

/** A longer time would be none at all for the system's timers; whoever waits longer looks in between. */
const longestTimer = 2 ** 31 - 1;

export function createWorkQueue(clock: Clock): WorkQueue {
  const waiting = new Set<string>();
  const active = new Set<string>();
  const delayed = new Map<string, { readonly due: number; readonly cancel: () => void }>();
  const backOffs = new Map<string, Retry>();
  let tellReady = () => {};

  const addAfter = (key: string, delay: number) => {
    const due = clock.now() + delay;
    const planned = delayed.get(key);
    if (planned !== undefined) {
      if (planned.due <= due) return;
      planned.cancel();
    }
    const cancel = clock.after(Math.min(Math.max(0, delay), longestTimer), () => {
      delayed.delete(key);
      queue.add(key);
    });
    delayed.set(key, { due, cancel });
  };
  const queue: WorkQueue = {
    add(key) {
      waiting.add(key);
      if (!active.has(key)) tellReady();
    },
    addAfter,
    addWithBackOff(key) {
      const retry = backOffs.get(key) ?? createRetry(clock, backOff);
      backOffs.set(key, retry);
      addAfter(key, retry.next());
    },
    forget(key) {
      backOffs.delete(key);
    },
    take() {
      for (const key of waiting) {
        if (active.has(key)) continue;
        waiting.delete(key);
        active.add(key);
        delayed.get(key)?.cancel();
        delayed.delete(key);
        return key;
      }
      return undefined;
    },
    done(key) {
      active.delete(key);
      if (waiting.has(key)) tellReady();
    },
    onReady(listener) {
      tellReady = listener;
    },
    get size() {
      return waiting.size + delayed.size;
    },
  };
  return queue;
}
