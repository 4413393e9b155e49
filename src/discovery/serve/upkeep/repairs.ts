import { createRetry, type Logger, systemClock } from "../../../base/index.ts";
import { isApiError } from "../../../kube/index.ts";

/** Brings single objects into order, one attempt at a time for each; looked at again when told while it works. */
export interface Repairs {
  /** Something about `key` changed. */
  look(key: string): void;
}

/**
 * Calls `repair` for every key that is looked at. A failure is tried again with back-off (50 ms to 10 s), a conflict at
 * once; a refusal by RBAC is logged once for each key.
 */
export function createRepairs(
  repair: (key: string) => Promise<void>,
  options: { readonly signal: AbortSignal; readonly log: Logger },
): Repairs {
  const { signal, log } = options;
  const working = new Map<string, { again: boolean }>();
  const refused = new Set<string>();
  const work = async (key: string, state: { again: boolean }) => {
    const retry = createRetry(systemClock, { first: 50, most: 10_000 });
    while (state.again && !signal.aborted) {
      state.again = false;
      try {
        await repair(key);
        refused.delete(key);
      } catch (reason) {
        if (signal.aborted) break;
        state.again = true;
        if (isApiError(reason, 403) && !refused.has(key)) {
          refused.add(key);
          log.warn(
            { object: key, reason: reason.message },
            "istiod may not write this object, it tries again",
          );
        } else log.debug({ object: key, reason: String(reason) }, "not written yet");
        if (!isApiError(reason, 409)) await retry.wait(signal);
      }
    }
    working.delete(key);
  };
  return {
    look(key) {
      const state = working.get(key);
      if (state !== undefined) {
        state.again = true;
        return;
      }
      const started = { again: true };
      working.set(key, started);
      void work(key, started);
    },
  };
}
