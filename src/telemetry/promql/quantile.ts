/** The quantile `q` of sorted values, between two of them by their weight; NaN without any. */
export function quantileOf(q: number, sorted: readonly number[]): number {
  if (sorted.length === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const rank = q * (sorted.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(sorted.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return (sorted[lower] ?? 0) * (1 - weight) + (sorted[upper] ?? 0) * weight;
}

/** In order, NaN first. */
export function byValue(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : -1;
  if (Number.isNaN(b)) return 1;
  return a - b;
}

/** A bucket of a histogram: how many observations were not above `bound`. */
export interface Bucket {
  readonly bound: number;
  readonly count: number;
}

/**
 * The quantile `q` of a histogram, as Prometheus estimates it: observations are spread evenly over a bucket. NaN
 * without observations or without a bucket up to +Inf.
 */
export function histogramQuantile(q: number, given: readonly Bucket[]): number {
  if (Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const buckets = cumulative(given);
  const last = buckets.at(-1);
  if (last?.bound !== Number.POSITIVE_INFINITY || buckets.length < 2) return Number.NaN;
  const observations = last.count;
  if (observations === 0) return Number.NaN;
  let rank = q * observations;
  let at = buckets.findIndex(({ count }) => count >= rank);
  if (at < 0) at = buckets.length - 1;
  if (at === buckets.length - 1) return buckets[at - 1]?.bound ?? Number.NaN;
  const { bound, count } = buckets[at] ?? last;
  if (at === 0 && bound <= 0) return bound;
  const below = buckets[at - 1] ?? { bound: 0, count: 0 };
  rank -= below.count;
  return below.bound + (bound - below.bound) * (rank / (count - below.count));
}

/** In order of their bounds, equal bounds summed up; counts that would fall stay, as scrapes may tear them. */
function cumulative(given: readonly Bucket[]): Bucket[] {
  const buckets: Bucket[] = [];
  for (const { bound, count } of [...given].sort((a, b) => a.bound - b.bound)) {
    const last = buckets.at(-1);
    if (last?.bound === bound) buckets[buckets.length - 1] = { bound, count: last.count + count };
    else buckets.push({ bound, count });
  }
  let most = Number.NEGATIVE_INFINITY;
  return buckets.map(({ bound, count }) => {
    most = Math.max(most, count);
    return { bound, count: most };
  });
}
