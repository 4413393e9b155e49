import { type Clock, IsthmusError } from "../base/index.ts";
import type { Load } from "../load/index.ts";
import type { LoadAction, ShownLoad } from "./api.ts";
import type { ConsoleSource } from "./contracts.ts";

/** The requests that pages asked for. */
export interface Loads {
  /** Resolves when the first request is sent. console/refused while as many go on as may. */
  start(wanted: Omit<LoadAction, "kind">): Promise<void>;
  /** Those that go on, then the last that ended, newest first. */
  list(): readonly ShownLoad[];
  /** Ends one before its time. console/changed when it has ended already. */
  end(id: string): void;
  /** Ends all. */
  stop(): void;
}

interface Kept {
  readonly shown: Omit<ShownLoad, "state" | "report">;
  readonly load: Load;
  readonly abort: AbortController;
  hasEnded: boolean;
}

const mostRunning = 4;
const mostEnded = 4;

export function createLoads(source: Pick<ConsoleSource, "startLoad">, clock: Clock): Loads {
  let started = 0;
  let starting = 0;
  let kept: readonly Kept[] = [];
  const running = () => kept.filter(({ hasEnded }) => !hasEnded);
  const tidy = () => {
    kept = [...running(), ...kept.filter(({ hasEnded }) => hasEnded).slice(0, mostEnded)];
  };
  return {
    async start({ from, url, rate, seconds, connections }) {
      if (running().length + starting >= mostRunning)
        throw new IsthmusError("console/refused", `a console sends ${mostRunning} loads at a time`, {
          nextStep: "End one of them, or wait until it is over.",
        });
      const abort = new AbortController();
      starting++;
      try {
        const load = await source.startLoad(
          { from, url: new URL(url), rate, milliseconds: seconds * 1000, connections },
          abort.signal,
        );
        const shown = {
          id: String(++started),
          startedAt: clock.now(),
          from,
          url,
          rate,
          seconds,
          connections,
        };
        const one: Kept = { shown, load, abort, hasEnded: false };
        kept = [one, ...kept];
        void load.done.then(() => {
          one.hasEnded = true;
          tidy();
        });
      } finally {
        starting--;
      }
    },
    list: () =>
      kept.map(({ shown, load, abort, hasEnded }) => {
        const report = load.report();
        const isOver = abort.signal.aborted || report.milliseconds >= shown.seconds * 1000;
        return { ...shown, report, state: hasEnded ? "ended" : isOver ? "ending" : "running" };
      }),
    end(id) {
      const found = running().find(({ shown }) => shown.id === id);
      if (found === undefined) throw new IsthmusError("console/changed", "this load has ended already");
      found.abort.abort();
    },
    stop() {
      for (const { abort } of kept) abort.abort();
    },
  };
}
