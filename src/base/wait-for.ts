/** A set of listeners that are told that something changed, never what. */
export interface Signal {
  notify(): void;
  /** Calls `listener` on every change until `signal` aborts. */
  subscribe(listener: () => void, signal: AbortSignal): void;
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

function nextChange(changes: Signal, outer: AbortSignal): { promise: Promise<void>; cancel: () => void } {
  const inner = new AbortController();
  const promise = new Promise<void>((resolve) => {
    changes.subscribe(resolve, inner.signal);
    outer.addEventListener("abort", () => resolve(), { once: true, signal: inner.signal });
  });
  return { promise, cancel: () => inner.abort() };
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
