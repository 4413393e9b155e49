import type { Clock } from "./clock.ts";

/** Waiting times that grow from `first` to `most` milliseconds, with up to 20 % taken off at random. */
export interface Retry {
  /** The next waiting time. */
  next(): number;
  /** Back to `first`, after a success. */
  reset(): void;
  /** Resolves after the next waiting time, or at once when `signal` aborts. */
  wait(signal: AbortSignal): Promise<void>;
}

export function createRetry(
  clock: Clock,
  options: { readonly first: number; readonly most: number; readonly factor?: number },
): Retry {
  let delay = options.first;
  const next = () => {
    const wait = delay * (0.8 + 0.2 * Math.random());
    delay = Math.min(options.most, delay * (options.factor ?? 2));
    return wait;
  };
  return {
    next,
    reset() {
      delay = options.first;
    },
    wait(signal) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const done = () => {
          cancel();
          signal.removeEventListener("abort", done);
          resolve();
        };
        const cancel = clock.after(next(), done);
        signal.addEventListener("abort", done);
      });
    },
  };
}
