import { systemClock } from "../base/index.ts";

/**
 * A function that calls `tell` at once, and for all calls that come within `period()` milliseconds after that once more
 * when they are over: what follows from many changes is worked out once. Nothing is told after `signal` has aborted.
 */
export function paced(tell: () => void, period: () => number, signal: AbortSignal): () => void {
  let isResting = false;
  let isOwed = false;
  let cancel = () => {};
  signal.addEventListener("abort", () => cancel(), { once: true });
  const rest = () => {
    isResting = true;
    cancel = systemClock.after(period(), () => {
      isResting = false;
      if (!isOwed) return;
      isOwed = false;
      tell();
      rest();
    });
  };
  return () => {
    if (signal.aborted) return;
    if (isResting) {
      isOwed = true;
      return;
    }
    tell();
    rest();
  };
}

/** How long the changes of so many clusters are gathered, in milliseconds: the more there are, the dearer a round is. */
export function gatherFor(clusters: number): number {
  return 4 * clusters;
}
