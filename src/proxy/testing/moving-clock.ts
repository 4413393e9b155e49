import { type Clock, systemClock } from "../../base/index.ts";

/** The machine's clock, which a test may put forward. */
export interface MovingClock extends Clock {
  /** Lets time jump: timers that are due by then run now, in order. */
  advance(milliseconds: number): void;
}

export function createMovingClock(): MovingClock {
  const timers = new Set<{ readonly due: number; run(): void }>();
  let ahead = 0;
  const now = () => systemClock.now() + ahead;
  return {
    now,
    after(delay, action) {
      const timer = {
        due: now() + delay,
        run() {
          stop();
          action();
        },
      };
      const cancel = systemClock.after(delay, timer.run);
      const stop = () => {
        timers.delete(timer);
        cancel();
      };
      timers.add(timer);
      return stop;
    },
    advance(milliseconds) {
      ahead += milliseconds;
      for (const timer of [...timers].sort((a, b) => a.due - b.due)) if (timer.due <= now()) timer.run();
    },
  };
}
