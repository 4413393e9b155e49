import { type MetricFamily, readExposition, readSeries } from "../exposition/read-exposition.ts";
import { type Labels, labelsKey, nameLabel } from "./labels.ts";
import type { Matcher } from "./matcher.ts";
import { createSeries, type Series } from "./series.ts";
import { createSeriesKeys } from "./series-keys.ts";
import { createTextPool } from "./text-pool.ts";
import { createTimeline, type Timeline } from "./timeline.ts";

/** Series of one target. Times are milliseconds since 1970 and must grow; an older one changes nothing. */
export interface TargetSeries {
  /**
   * Takes the page that was answered at `time`, and `own` values under the target's labels alone. Series that were
   * there before and are not on the page end. Throws ExpositionError when the page is none; then nothing of it counts.
   */
  take(page: string, time: number, own: Readonly<Record<string, number>>): void;
  /** The target did not answer: all series but `own` end. */
  miss(time: number, own: Readonly<Record<string, number>>): void;
  /** All its counters were 0 at `time`, from before its first page. */
  startAt(time: number): void;
  /** The target is gone: all series end. */
  close(time: number): void;
}

/**
 * Series of all targets, in memory. Bounded in age, in samples a target, in changes of values, and in series;
 * beyond the last bound new series are left out, and counted.
 */
export interface MetricStore {
  /** The series of the target with these labels, those of earlier times included. */
  target(labels: Labels): TargetSeries;
  /** Series that match and have samples after `from` and up to `to`. */
  select(matchers: readonly Matcher[], from: number, to: number): readonly Series[];
  /** What pages said of their metrics, by name. */
  readonly families: ReadonlyMap<string, MetricFamily>;
  readonly size: { readonly series: number; readonly leftOut: number };
  /** Forgets what is older than the retention. */
  trim(now: number): void;
}

export interface MetricStoreOptions {
  /** Milliseconds. */
  readonly retention: number;
  /** Samples that are kept of one series. */
  readonly maxSamples: number;
  /** Default 100,000. */
  readonly maxSeries?: number;
  /** Changes of values that are kept of all series together, at about 16 bytes each. Default 15 million. */
  readonly maxChanges?: number;
}

interface Target {
  readonly labels: Labels;
  readonly timeline: Timeline;
  /** By the key of their text on the page. */
  readonly series: Map<number, Entry>;
  /** Turn of the last page that was taken, or of the start; -1 before. */
  lastPage: number;
}

interface Entry {
  readonly series: Series;
  /** Of the last page that had it. */
  turn: number;
}

/** A line of a page. */
interface Reading {
  readonly key: number;
  /** Of a series that the target did not have. */
  readonly labels: Labels | undefined;
  readonly value: number;
  /** Whether it counts up from 0. */
  readonly isCounter: boolean;
}

export function createMetricStore(options: MetricStoreOptions): MetricStore {
  const { retention, maxSamples, maxSeries = 100_000, maxChanges = 15_000_000 } = options;
  const targets = new Map<string, Target>();
  const byName = new Map<string, Set<Series>>();
  const families = new Map<string, MetricFamily>();
  const texts = createTextPool();
  const keyOf = createSeriesKeys();
  let count = 0;
  let leftOut = 0;

  const add = (target: Target, key: number, own: Labels): Entry | undefined => {
    if (count >= maxSeries) {
      leftOut++;
      return undefined;
    }
    const series = createSeries(texts.labels(withTargetLabels(own, target.labels)), target.timeline);
    const name = series.labels[nameLabel] ?? "";
    let named = byName.get(name);
    if (named === undefined) {
      named = new Set();
      byName.set(name, named);
    }
    named.add(series);
    count++;
    const entry = { series, turn: -1 };
    target.series.set(key, entry);
    return entry;
  };

  const set = (target: Target, { key, labels, value, isCounter }: Reading, turn: number) => {
    let entry = target.series.get(key);
    if (entry === undefined) {
      if (labels !== undefined) entry = add(target, key, labels);
      if (entry === undefined) return;
      // What was not on the page before has been 0 then, else its first value would be lost to every rate.
      if (isCounter && target.lastPage >= target.timeline.firstTurn) entry.series.set(0, target.lastPage);
    }
    entry.turn = turn;
    entry.series.set(value, turn);
  };

  const read = (target: Target, series: string, value: number, isCounter: boolean): Reading => {
    const key = keyOf(series);
    return { key, labels: target.series.has(key) ? undefined : readSeries(series), value, isCounter };
  };

  const endOthers = (target: Target, turn: number) => {
    for (const entry of target.series.values())
      if (entry.turn !== turn && !entry.series.isEnded) entry.series.end(turn);
  };

  const setOwn = (target: Target, own: Readonly<Record<string, number>>, turn: number) => {
    for (const [name, value] of Object.entries(own)) set(target, read(target, name, value, false), turn);
  };

  const remember = (found: ReadonlyMap<string, MetricFamily>) => {
    for (const [name, family] of found) {
      const known = families.get(name);
      if (known === undefined && families.size < maxFamilies) families.set(name, family);
      else if (known !== undefined && known.help === "") known.help = family.help;
    }
  };

  const seriesOf = (target: Target): TargetSeries => ({
    take(page, time, own) {
      const readings: Reading[] = [];
      const found = readExposition(page, {
        sample: (series, value, family) =>
          readings.push(read(target, series, value, isCounting(series, family))),
      });
      const turn = target.timeline.add(time);
      if (turn === undefined) return;
      remember(found);
      for (const reading of readings) set(target, reading, turn);
      setOwn(target, own, turn);
      endOthers(target, turn);
      target.lastPage = turn;
    },
    miss(time, own) {
      const turn = target.timeline.add(time);
      if (turn === undefined) return;
      setOwn(target, own, turn);
      endOthers(target, turn);
    },
    startAt(time) {
      const turn = target.timeline.add(time);
      if (turn !== undefined) target.lastPage = turn;
    },
    close(time) {
      const turn = target.timeline.add(time);
      if (turn === undefined) return;
      endOthers(target, turn);
      target.lastPage = -1;
    },
  });

  const remove = (series: Series) => {
    const name = series.labels[nameLabel] ?? "";
    const named = byName.get(name);
    if (named?.delete(series)) count--;
    if (named?.size === 0) byName.delete(name);
  };

  return {
    target(labels) {
      const key = labelsKey(labels);
      let target = targets.get(key);
      if (target === undefined) {
        target = {
          labels: texts.labels(labels),
          timeline: createTimeline(),
          series: new Map(),
          lastPage: -1,
        };
        targets.set(key, target);
      }
      return seriesOf(target);
    },
    select(matchers, from, to) {
      const name = matchers.find(({ label, operator }) => label === nameLabel && operator === "=")?.value;
      const candidates = name === undefined ? [...byName.values()] : [byName.get(name) ?? []];
      const others = matchers.filter(({ label, operator }) => !(label === nameLabel && operator === "="));
      const found: Series[] = [];
      for (const candidate of candidates)
        for (const series of candidate) {
          if (!others.every((matcher) => matcher.matches(series.labels))) continue;
          const { span } = series;
          if (span !== undefined && span.first <= to && span.last > from) found.push(series);
        }
      return found;
    },
    families,
    get size() {
      return { series: count, leftOut };
    },
    trim(now) {
      let changes = 0;
      for (const { series } of targets.values())
        for (const one of series.values()) changes += one.series.changes;
      // With more than there is room for, less far back.
      const kept = changes <= maxChanges ? retention : retention * (maxChanges / changes);
      for (const [key, target] of targets) {
        if (!target.timeline.trim(now - kept, maxSamples)) continue;
        for (const [id, { series }] of target.series) {
          series.trim();
          if (series.span !== undefined) continue;
          remove(series);
          target.series.delete(id);
        }
        if (target.series.size === 0) targets.delete(key);
      }
      texts.tidy();
    },
  };
}

/** Names of which a help text is kept. */
const maxFamilies = 20_000;

function isCounting(series: string, family: MetricFamily | undefined): boolean {
  switch (family?.type) {
    case "counter":
    case "histogram":
      return true;
    case "summary":
      return series.length > family.name.length && series.charCodeAt(family.name.length) === 95;
    default:
      return false;
  }
}

/** A page can't take a target's label: its own goes under exported_NAME, as Prometheus has it without honor_labels. */
function withTargetLabels(own: Labels, target: Labels): Labels {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (value === "") continue;
    let free = name;
    while (Object.hasOwn(target, free)) free = `exported_${free}`;
    labels[free] = value;
  }
  return Object.assign(labels, target);
}
