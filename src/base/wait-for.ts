/** A set of listeners that are told that something changed, never what. */
export interface Signal {
  notify(): void;
  /** Calls `listener` on every change until `signal` aborts. */
  subscribe(listener: () => void, signal: AbortSignal): void;
  /** Calls `listener` on the next change, unless the returned function is called before. */
  next(listener: () => void): () => void;
}

export function createSignal(): Signal {
  const listeners = new Set<() => void>();
  return {
    notify() {
      for (const listener of [...listeners]) {
        try {
          listener();
        } catch (reason) {
          // The fault of one listener is no reason to leave the others untold; it still surfaces.
          queueMicrotask(() => {
            throw reason;
          });
        }
      }
    },
    subscribe(listener, signal) {
      if (signal.aborted) return;
      listeners.add(listener);
      signal.addEventListener("abort", () => listeners.delete(listener), { once: true });
    },
    next(listener) {
      const once = () => {
        listeners.delete(once);
        listener();
      };
      listeners.add(once);
      return () => listeners.delete(once);
    },
  };
}

/**
 * Resolves with the first value of `probe` that is not undefined. Probes at once, on every change that
 * `changes` tells, and, when `changes` is missing, every 5 ms. Rejects with the signal's reason when it aborts.
 */
export async function waitFor<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  options: { readonly signal: AbortSignal; readonly changes?: Signal; readonly every?: number },
): Promise<T> {
  const { signal, changes, every = 5 } = options;
  for (;;) {
    signal.throwIfAborted();
    const changed = changes === undefined ? undefined : nextChange(changes, signal);
    const value = await probe();
    if (value !== undefined) {
      changed?.cancel();
      return value;
    }
    await (changed?.promise ?? pause(every, signal));
    changed?.cancel();
  }
}

/** Many wait for one signal, so that this is kept cheap: no AbortSignal is made for it. */
function nextChange(changes: Signal, outer: AbortSignal): { promise: Promise<void>; cancel: () => void } {
  let cancel = () => {};
  const promise = new Promise<void>((resolve) => {
    const forget = changes.next(resolve);
    const abort = () => resolve();
    outer.addEventListener("abort", abort, { once: true });
    cancel = () => {
      forget();
      outer.removeEventListener("abort", abort);
    };
  });
  return { promise, cancel: () => cancel() };
}

function pause(delay: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, delay);
    signal.addEventListener("abort", done);
  });
}
