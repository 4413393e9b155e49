/** Percentiles of what was measured, in milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Times in a fixed amount of memory, however many there are. */
export interface Latencies {
  /** Milliseconds. */
  add(time: number): void;
  percentiles(): Percentiles;
}

/** How far a percentile may be above what was measured: 0.5 %. */
const step = Math.log(1.005);
/** Times below this, in milliseconds, are told as this. */
const least = 0.001;

/** Counts times in classes, each a little wider than the one before. Percentiles are the upper end of a class; `max` is exact. */
export function createLatencies(): Latencies {
  const counts: number[] = [];
  let total = 0;
  let max = 0;
  const at = (share: number) => {
    let below = 0;
    for (const [index, count = 0] of counts.entries()) {
      below += count;
      if (below >= total * share && below > 0) return Math.min(max, least * Math.exp(index * step));
    }
    return max;
  };
  return {
    add(time) {
      const index = Math.max(0, Math.ceil(Math.log(time / least) / step));
      counts[index] = (counts[index] ?? 0) + 1;
      total++;
      max = Math.max(max, time);
    },
    percentiles: () => ({ p50: at(0.5), p90: at(0.9), p99: at(0.99), max }),
  };
}
