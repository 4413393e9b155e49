import type { Clock } from "../clock.ts";

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Goes on by this many milliseconds and does what is due then. */
  move(milliseconds: number): void;
}

export function createManualClock(start = 0): ManualClock {
  let now = start;
  const timers = new Set<{ readonly due: number; readonly action: () => void }>();
  return {
    now: () => now,
    after(delay, action) {
      const timer = { due: now + delay, action };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    move(milliseconds) {
      now += milliseconds;
      for (const timer of timers) {
        if (timer.due > now) continue;
        timers.delete(timer);
        timer.action();
      }
    },
  };
}
