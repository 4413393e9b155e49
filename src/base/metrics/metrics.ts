import { formatMetricsPage, type MetricRows, type MetricType } from "./format-page.ts";

/** Counts up. */
export interface Counter {
  /** Adds `by` (default 1) for these values of the metric's labels, in the order in which it was made with them. */
  add(values?: readonly string[], by?: number): void;
}

/** Sorts values into buckets. */
export interface Histogram {
  observe(value: number, values?: readonly string[]): void;
}

/** The metrics of one program, as Prometheus reads them. Series beyond a bound are left out. */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  /** `bounds` are upper ends of buckets, in order. */
  histogram(name: string, help: string, bounds: readonly number[], labels?: readonly string[]): Histogram;
  /** A metric whose values are read when somebody asks. */
  gauge(name: string, help: string, read: () => number | MetricRows["rows"]): void;
  /** In Prometheus' text format. */
  text(): string;
}

/** Label sets of one metric. */
const maxSeries = 5_000;

export function createMetrics(): Metrics {
  const families: (() => readonly MetricRows[])[] = [];
  const seriesOf = <T>(labels: readonly string[], make: () => T) => {
    const series = new Map<string, { readonly labels: Record<string, string>; readonly value: T }>();
    return {
      of(values: readonly string[]): T | undefined {
        const key = values.length === 1 ? (values[0] ?? "") : values.join("\xff");
        let known = series.get(key);
        if (known === undefined) {
          if (series.size >= maxSeries) return undefined;
          const named = Object.fromEntries(labels.map((label, i) => [label, values[i] ?? ""]));
          known = { labels: named, value: make() };
          series.set(key, known);
        }
        return known.value;
      },
      all: () => [...series.values()],
    };
  };
  return {
    counter(name, help, labels = []) {
      const series = seriesOf(labels, () => ({ total: 0 }));
      // What has no labels is there from the start.
      if (labels.length === 0) series.of([]);
      families.push(() => [
        family(
          name,
          help,
          "counter",
          series.all().map((one) => [one.labels, one.value.total]),
        ),
      ]);
      return {
        add(values = [], by = 1) {
          const one = series.of(values);
          if (one !== undefined) one.total += by;
        },
      };
    },
    histogram(name, help, bounds, labels = []) {
      const series = seriesOf(labels, () => ({ counts: new Float64Array(bounds.length + 1), sum: 0 }));
      families.push(() => [
        family(
          name,
          help,
          "histogram",
          series.all().flatMap(({ labels: own, value: { counts, sum } }) => {
            let total = 0;
            const buckets = [...counts].map((count, i) => {
              total += count;
              return ["_bucket", { ...own, le: String(bounds[i] ?? "+Inf") }, total] as const;
            });
            return [...buckets, ["_sum", own, sum] as const, ["_count", own, total] as const];
          }),
        ),
      ]);
      return {
        observe(value, values = []) {
          const one = series.of(values);
          if (one === undefined) return;
          const at = bounds.findIndex((bound) => value <= bound);
          const bucket = at < 0 ? bounds.length : at;
          one.counts[bucket] = (one.counts[bucket] ?? 0) + 1;
          one.sum += value;
        },
      };
    },
    gauge(name, help, read) {
      families.push(() => {
        const value = read();
        return [family(name, help, "gauge", typeof value === "number" ? [[{}, value]] : value)];
      });
    },
    text: () => formatMetricsPage(families.flatMap((make) => make())),
  };
}

function family(name: string, help: string, type: MetricType, rows: MetricRows["rows"]): MetricRows {
  return { name, help, type, rows };
}
