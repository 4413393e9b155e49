import type { Clock } from "../../base/index.ts";

/** How long a container that keeps ending waits before its next start, as kubelets have it. */
export interface BackOff {
  /** Milliseconds left to wait after an end at `endedAt`, and the whole delay that this is part of. */
  remaining(endedAt: number): { readonly wait: number; readonly delay: number };
  /** The container is started again: the next delay is longer. */
  next(): void;
}

const firstDelay = 10_000;
const longestDelay = 300_000;

/** The first restart is at once, then after 10 s, 20 s … 5 min; a run of ten minutes begins anew. */
export function createBackOff(clock: Clock): BackOff {
  let delay = 0;
  let updated = 0;
  const isStale = (time: number) => time - updated > 2 * longestDelay;
  return {
    remaining(endedAt) {
      if (delay === 0 || isStale(endedAt)) return { wait: 0, delay: 0 };
      return { wait: Math.max(0, endedAt + delay - clock.now()), delay };
    },
    next() {
      delay = delay === 0 || isStale(clock.now()) ? firstDelay : Math.min(longestDelay, delay * 2);
      updated = clock.now();
    },
  };
}

/** A duration as Go writes it: "10s", "1m20s", "5m0s". */
export function goDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`;
}
