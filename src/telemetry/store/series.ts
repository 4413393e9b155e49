import type { Labels } from "./labels.ts";
import type { Timeline } from "./timeline.ts";

/**
 * Stands in a series' values where the series ended: its target went away, or says nothing of it any more. No metric
 * has this value, and unlike a special NaN it survives every way in which JavaScript keeps numbers.
 */
const ended = -Number.MAX_VALUE;

/** Samples of one series: times in milliseconds since 1970, in order, and where it ended in between. */
export interface Samples {
  readonly times: number[];
  readonly values: number[];
  /** Times from which on the series is gone until its next sample. */
  readonly ends: number[];
}

/**
 * The values of one series at the times of its target. Kept as changes: counters of an idle mesh and most buckets of
 * its histograms stay the same from scrape to scrape, and then cost nothing.
 */
export interface Series {
  readonly labels: Labels;
  readonly timeline: Timeline;
  /** When its first kept and its newest sample were taken. Empty series have none. */
  readonly span: { readonly first: number; readonly last: number } | undefined;
  /** Whether the newest value is an end. */
  readonly isEnded: boolean;
  /** The newest value; undefined when it has ended. */
  readonly value: number | undefined;
  /** How many changes are kept: what it takes in memory. */
  readonly changes: number;
  /** Sets the value from turn `turn` of the timeline on. Turns never go back. */
  set(value: number, turn: number): void;
  end(turn: number): void;
  /** Samples after `from` up to `to` (both in milliseconds). */
  read(from: number, to: number): Samples;
  /** What a counter counted after `from` up to `to` (both in milliseconds), and in how many seconds it did. */
  increase(from: number, to: number): Increase;
  /** Forgets what lies before the timeline's first turn. */
  trim(): void;
}

export interface Increase {
  readonly amount: number;
  readonly seconds: number;
}

/** Gaps between samples up to this are none: one was taken at about every moment. In milliseconds. */
const gap = 15_000;

export function createSeries(labels: Labels, timeline: Timeline): Series {
  /** Turns at which the value changed, and the values. */
  let turns: number[] = [];
  let values: number[] = [];
  const put = (value: number, turn: number) => {
    const last = values.length - 1;
    if (last >= 0 && Object.is(values[last], value)) return;
    if (last >= 0 && turns[last] === turn) values[last] = value;
    else {
      turns.push(turn);
      values.push(value);
    }
  };
  const series: Series = {
    labels,
    timeline,
    get span() {
      const last = values.length - 1;
      if (last < 0) return undefined;
      const end = values[last] === ended ? (turns[last] ?? 0) - 1 : timeline.lastTurn;
      return {
        first: timeline.timeOf(Math.max(turns[0] ?? 0, timeline.firstTurn)),
        last: timeline.timeOf(end),
      };
    },
    get isEnded() {
      return values.at(-1) === ended;
    },
    get value() {
      const value = values.at(-1);
      return value === ended ? undefined : value;
    },
    get changes() {
      return turns.length;
    },
    set: put,
    end(turn) {
      if (values.length > 0) put(ended, turn);
    },
    read(from, to) {
      const samples: Samples = { times: [], values: [], ends: [] };
      if (values.length === 0) return samples;
      let turn = Math.max(timeline.turnAfter(from), turns[0] ?? 0);
      const stop = timeline.turnAfter(to);
      let run = lastAtOrBefore(turns, turn);
      while (turn < stop) {
        const next = Math.min(turns[run + 1] ?? stop, stop);
        const value = values[run] ?? ended;
        if (value === ended) samples.ends.push(timeline.timeOf(turn));
        else
          for (let at = turn; at < next; at++) {
            samples.times.push(timeline.timeOf(at));
            samples.values.push(value);
          }
        turn = next;
        run++;
      }
      return samples;
    },
    increase(from, to) {
      const before = timeline.turnAfter(from) - 1;
      const start = Math.max(before, turns[0] ?? Number.POSITIVE_INFINITY);
      const stop = timeline.turnAfter(to) - 1;
      // A series that begins or ends between the two was 0 a second in the rest of the time.
      const first = timeline.timeOf(start);
      const last = timeline.timeOf(stop);
      const begin = start === before && from - first <= gap ? first : from;
      const end = to - last <= gap ? last : to;
      const seconds = Math.max(1, end - begin) / 1000;
      let amount = 0;
      let run = lastAtOrBefore(turns, start);
      let known = values[run] ?? ended;
      for (run++; (turns[run] ?? Number.POSITIVE_INFINITY) <= stop; run++) {
        const value = values[run] ?? ended;
        if (value === ended) continue;
        if (known !== ended) amount += value >= known ? value - known : value;
        known = value;
      }
      return { amount, seconds };
    },
    trim() {
      const first = lastAtOrBefore(turns, timeline.firstTurn);
      if (first <= 0) {
        if (values[0] === ended && values.length === 1 && (turns[0] ?? 0) <= timeline.firstTurn) {
          turns = [];
          values = [];
        }
        return;
      }
      // An end needs nothing before it.
      const keep = values[first] === ended ? first + 1 : first;
      turns = turns.slice(keep);
      values = values.slice(keep);
    },
  };
  return series;
}

/** Index of the last of sorted `numbers` that is not above `limit`; 0 when all are. */
function lastAtOrBefore(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((numbers[middle] ?? 0) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
