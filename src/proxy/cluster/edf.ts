/**
 * Earliest deadline first: picks entries in proportion to their weights, spread as evenly as can be. Weights are
 * asked anew at every pick, so they may follow load.
 */
export interface EdfScheduler<T> {
  next(): T | undefined;
}

interface Scheduled<T> {
  readonly value: T;
  deadline: number;
  /** Among equal deadlines the one that waits longest comes first. */
  order: number;
}

export function createEdfScheduler<T>(values: readonly T[], weightOf: (value: T) => number): EdfScheduler<T> {
  const heap: Scheduled<T>[] = [];
  let order = 0;
  const before = (a: Scheduled<T>, b: Scheduled<T>) =>
    a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
  for (const value of values) {
    heap.push({ value, deadline: 1 / Math.max(weightOf(value), 1e-9), order: order++ });
  }
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) sink(i);

  /** Moves the entry at `from` down to its place. */
  function sink(from: number) {
    let at = from;
    const moving = heap[at];
    if (moving === undefined) return;
    for (;;) {
      let child = at * 2 + 1;
      let lower = heap[child];
      const right = heap[child + 1];
      if (lower === undefined) break;
      if (right !== undefined && before(right, lower)) {
        lower = right;
        child++;
      }
      if (!before(lower, moving)) break;
      heap[at] = lower;
      at = child;
    }
    heap[at] = moving;
  }

  return {
    next() {
      const first = heap[0];
      if (first === undefined) return undefined;
      first.deadline += 1 / Math.max(weightOf(first.value), 1e-9);
      first.order = order++;
      sink(0);
      return first.value;
    },
  };
}
