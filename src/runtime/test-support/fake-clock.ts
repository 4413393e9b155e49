import type { Clock } from "../../base/index.ts";

/** A clock that stands at 2030-01-01 until it is moved. */
export interface FakeClock extends Clock {
  /** Moves time on and runs what became due, in order. */
  advance(milliseconds: number): void;
  /** Milliseconds until the next timer; undefined when there is none. */
  nextTimer(): number | undefined;
}

export function createFakeClock(): FakeClock {
  let now = Date.parse("2030-01-01T00:00:00Z");
  let timers: { readonly at: number; readonly action: () => void }[] = [];
  const next = () =>
    timers.reduce<(typeof timers)[number] | undefined>((a, b) => (a && a.at <= b.at ? a : b), undefined);
  return {
    now: () => now,
    after(delay, action) {
      const timer = { at: now + delay, action };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(milliseconds) {
      const until = now + milliseconds;
      for (let due = next(); due !== undefined && due.at <= until; due = next()) {
        const { at, action } = due;
        timers = timers.filter((other) => other !== due);
        now = Math.max(now, at);
        action();
      }
      now = until;
    },
    nextTimer() {
      const first = next();
      return first === undefined ? undefined : first.at - now;
    },
  };
}
