import { createMetricStore, type MetricStore } from "../../../src/telemetry/store/metric-store.ts";
import { randomNumbers } from "./random-promql.ts";

/** Seconds since 1970 of the first sample, and how long the samples go on. */
export const oracleStart = 1_700_000_000;
export const oracleSeconds = 2400;

/** The same samples twice: in a store of ours, and as the OpenMetrics text that Prometheus imports. */
export function oracleData(seed: number): { readonly store: MetricStore; readonly openMetrics: string } {
  const random = randomNumbers(seed);
  const store = createMetricStore({ retention: 86_400_000, maxSamples: 10_000 });
  const lines = new Map<string, string[]>();
  for (const instance of ["a", "b", "c"]) {
    const target = store.target({ instance, job: instance === "c" ? "other" : "mesh" });
    const counters = new Map<string, number>();
    const count = (series: string, most: number, resets = false) => {
      const value =
        (resets && random() < 0.05 ? 0 : (counters.get(series) ?? 0)) + Math.floor(random() * most);
      counters.set(series, value);
      return value;
    };
    // Times are not multiples of anything: which end of a window belongs to it must not matter by chance.
    for (
      let at = oracleStart * 1000 + 137;
      at < (oracleStart + oracleSeconds) * 1000;
      at += 10_000 + Math.floor(random() * 900)
    ) {
      const minute = (at / 1000 - oracleStart) / 60;
      if (instance === "b" && minute > 12 && minute < 20) continue;
      const page: [series: string, value: string][] = [];
      for (const code of ["200", "404", "503"])
        for (const reporter of ["source", "destination"])
          page.push([
            `requests_total{code="${code}",reporter="${reporter}"}`,
            String(count(`${code}${reporter}`, code === "404" ? 2 : 20)),
          ]);
      page.push(["resets_total", String(count("resets", 9, true))]);
      page.push(['temperature{code="200"}', (random() * 40 - 10).toFixed(3)]);
      page.push(['temperature{code="500"}', (random() * 4).toFixed(3)]);
      page.push([
        "odd",
        random() < 0.2
          ? (["NaN", "+Inf", "-Inf"][Math.floor(random() * 3)] ?? "")
          : String(Math.floor(random() * 5)),
      ]);
      let total = 0;
      for (const le of ["1", "5", "25", "100", "+Inf"]) {
        total += count(`le${le}`, 6);
        page.push([`latency_bucket{le="${le}"}`, String(total)]);
      }
      store.target({ instance, job: instance === "c" ? "other" : "mesh" });
      target.take(page.map(([series, value]) => `${series} ${value}\n`).join(""), at, {});
      for (const [series, value] of page) {
        const [name = "", own] = series.split(/[{}]/);
        const labels = [own, `instance="${instance}"`, `job="${instance === "c" ? "other" : "mesh"}"`].filter(
          Boolean,
        );
        const text = `${name}{${labels.join(",")}} ${value} ${(at / 1000).toFixed(3)}`;
        lines.set(name, [...(lines.get(name) ?? []), text]);
      }
    }
  }
  return { store, openMetrics: `${[...lines.values()].flat().join("\n")}\n# EOF\n` };
}
