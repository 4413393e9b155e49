import type { Clock, Logger, Stop } from "../../base/index.ts";
import { labelsKey } from "../store/labels.ts";
import type { MetricStore, TargetSeries } from "../store/metric-store.ts";
import type { ScrapeTarget, TargetState } from "./scrape-target.ts";

export interface ScrapeOptions {
  readonly store: MetricStore;
  /** Milliseconds between two scrapes of a target; longer when one round takes a good part of it. */
  readonly interval: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** What is there to be scraped now. */
  targets(): readonly ScrapeTarget[];
  /** The target's page. Rejects when there is none. */
  fetch(target: ScrapeTarget, timeout: number): Promise<string>;
}

/** The scraping of all targets, in rounds. */
export interface Scraping {
  readonly states: readonly TargetState[];
  /** Scrapes everything now, or after the round that is under way; resolves when it is done. */
  round(): Promise<void>;
  readonly stop: Stop;
}

/** Pages that are waited for at once. */
const concurrency = 8;
const timeout = 5_000;
/** Of the time, what scraping may take: with thousands of proxies in this process rounds come more rarely. */
const most = 0.2;
/** A target that began longer ago than this is not known to have counted from 0 then. */
const recent = 120_000;
const trimEvery = 60_000;

/** Rounds may come a little early. */
const early = 1_000;

function isDue({ target: { every = 0 }, lastScrape }: TargetState, now: number): boolean {
  return lastScrape === undefined || now - lastScrape >= every - early;
}

interface Known {
  readonly series: TargetSeries;
  state: TargetState;
}

/** Starts scraping; the first round begins at once. */
export function startScraping(options: ScrapeOptions): Scraping {
  const { store, interval, clock, log } = options;
  const known = new Map<string, Known>();
  let isStopped = false;
  let cancel = () => {};
  let trimmedAt = clock.now();
  let warnedOf = 0;
  let running: Promise<void> | undefined;

  const look = () => {
    const targets = new Map(options.targets().map((target) => [labelsKey(target.labels), target]));
    for (const [key, { series }] of known) {
      if (targets.has(key)) continue;
      series.close(clock.now());
      known.delete(key);
    }
    for (const [key, target] of targets) {
      const one = known.get(key);
      if (one !== undefined) {
        one.state = { ...one.state, target };
        continue;
      }
      const series = store.target(target.labels);
      const { startedAt } = target;
      if (startedAt !== undefined && clock.now() - startedAt < recent) series.startAt(startedAt);
      known.set(key, {
        series,
        state: { target, health: "unknown", lastScrape: undefined, duration: 0, failure: undefined },
      });
    }
  };

  const scrape = async (one: Known) => {
    const { target } = one.state;
    const started = clock.now();
    const own = () => ({ scrape_duration_seconds: (clock.now() - started) / 1000 });
    try {
      const page = await options.fetch(target, timeout);
      // What is not scraped any more has ended already.
      if (isStopped || known.get(labelsKey(target.labels)) !== one) return;
      one.series.take(page, clock.now(), { up: 1, ...own() });
      one.state = {
        target,
        health: "up",
        lastScrape: started,
        duration: clock.now() - started,
        failure: undefined,
      };
    } catch (reason) {
      if (isStopped) return;
      const failure = reason instanceof Error ? reason.message : String(reason);
      one.series.miss(clock.now(), { up: 0, ...own() });
      one.state = { target, health: "down", lastScrape: started, duration: clock.now() - started, failure };
    }
  };

  const runRound = async () => {
    look();
    const queue = [...known.values()].filter(({ state }) => isDue(state, clock.now()));
    const workers = Array.from({ length: concurrency }, async () => {
      for (let one = queue.shift(); one !== undefined && !isStopped; one = queue.shift()) await scrape(one);
    });
    await Promise.all(workers);
    if (clock.now() - trimmedAt >= trimEvery) {
      trimmedAt = clock.now();
      store.trim(trimmedAt);
    }
    const { leftOut } = store.size;
    if (leftOut > 0 && warnedOf === 0)
      log.warn(store.size, "there are more series than are kept: new ones are left out");
    warnedOf = leftOut;
  };
  const round = () => {
    running = (running ?? Promise.resolve()).then(runRound).catch((reason: unknown) => {
      log.error(
        { reason: reason instanceof Error ? reason.stack : String(reason) },
        "a round of scraping failed",
      );
    });
    return running;
  };
  const loop = async () => {
    const started = clock.now();
    await round();
    if (isStopped) return;
    const took = clock.now() - started;
    cancel = clock.after(Math.max(interval - took, took * (1 / most - 1)), () => void loop());
  };
  void loop();
  return {
    get states() {
      return [...known.values()].map(({ state }) => state);
    },
    round,
    async stop() {
      isStopped = true;
      cancel();
      await running;
    },
  };
}
