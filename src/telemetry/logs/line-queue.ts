/** Hands values from many to one. Whoever puts waits while it is full. */
export interface LineQueue<T> {
  /** Resolves when there is room for more. */
  put(value: T): Promise<void>;
  /** What was put, in order, until `signal` aborts. One reader. */
  values(signal: AbortSignal): AsyncIterable<T>;
}

export function createLineQueue<T>(most: number): LineQueue<T> {
  const waiting: T[] = [];
  const putters: (() => void)[] = [];
  let wake = () => {};
  return {
    async put(value) {
      waiting.push(value);
      wake();
      if (waiting.length >= most) await new Promise<void>((resolve) => putters.push(resolve));
    },
    async *values(signal) {
      const stop = () => {
        wake();
        for (const resume of putters.splice(0)) resume();
      };
      signal.addEventListener("abort", stop, { once: true });
      try {
        while (!signal.aborted) {
          const value = waiting.shift();
          if (value !== undefined) {
            if (waiting.length < most) putters.shift()?.();
            yield value;
            continue;
          }
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (signal.aborted) resolve();
          });
        }
      } finally {
        signal.removeEventListener("abort", stop);
        stop();
      }
    },
  };
}
