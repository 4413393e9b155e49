import type { Clock } from "./clock.ts";

/** Resolves after `delay` milliseconds, or at once when `signal` aborts. */
export function pause(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delay, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
