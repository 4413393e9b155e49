import { IsthmusError } from "../base/index.ts";
import type { Telemetry, TelemetryOptions } from "./contracts.ts";
import { createDashboards } from "./dashboards/dashboards.ts";
import { buildGraph } from "./graph/build-graph.ts";
import { summarizeWorkloads } from "./graph/summarize-workloads.ts";
import { createExpressionPage } from "./prometheus-api/expression-page.ts";
import { createPrometheusApi } from "./prometheus-api/serve-prometheus-api.ts";
import { PromqlError } from "./promql/expression.ts";
import { runInstantQuery, runRangeQuery } from "./promql/run-query.ts";
import { createPageFetcher } from "./scrape/fetch-page.ts";
import { startScraping } from "./scrape/start-scraping.ts";
import { watchClusters } from "./scrape/watch-clusters.ts";
import { createMetricStore } from "./store/metric-store.ts";

const defaultRetention = 3_600_000;
const defaultInterval = 5_000;

/** Starts watching and measuring a mesh. Returns at once: what is not known yet is not there yet. */
export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { clock, log, retention = defaultRetention, scrapeInterval = defaultInterval } = options;
  const startedAt = clock.now();
  const abort = new AbortController();
  const store = createMetricStore({ retention, maxSamples: Math.ceil(retention / scrapeInterval) + 16 });
  const objects = watchClusters(options.clusters, { signal: abort.signal, log });
  const pages = createPageFetcher();
  const scraping = startScraping({
    store,
    interval: scrapeInterval,
    clock,
    log,
    targets: objects.targets,
    fetch: (target, timeout) =>
      target.address.kind === "http" ? pages.fetch(target.address, timeout) : objects.page(target),
  });
  // The first round may have come before the first list of objects.
  void objects.synced.then(() => scraping.round());
  return {
    prometheusApi: createPrometheusApi({
      store,
      retention,
      scrapeInterval,
      startedAt,
      now: clock.now,
      targets: () => scraping.states,
    }),
    createDashboards: () => createDashboards({ store, now: clock.now }),
    prometheusPage: createExpressionPage({ store, now: clock.now }),
    query(expression, at = clock.now()) {
      const result = answered(() => runInstantQuery(expression, at, store.select));
      switch (result.type) {
        case "scalar":
          return [{ labels: {}, at, value: result.value }];
        case "vector":
          return result.samples.map(({ labels, value }) => ({ labels, at, value }));
        default:
          throw new IsthmusError("query/wrong", "only vectors and numbers have one value at a moment", {
            nextStep: "Put a function like rate(...) around a range.",
          });
      }
    },
    queryRange: (expression, range) =>
      answered(() => runRangeQuery(expression, range, store.select)).map(({ labels, times, values }) => ({
        labels,
        values: times.map((at, i) => ({ at, value: values[i] ?? Number.NaN })),
      })),
    graph: (wanted) => buildGraph({ store, now: clock.now(), retention, ...objects }, wanted),
    workloads: (wanted) => summarizeWorkloads({ store, now: clock.now(), retention, ...objects }, wanted),
    scrape: () => scraping.round(),
    async stop() {
      abort.abort();
      await scraping.stop();
      pages.close();
    },
  };
}

function answered<T>(query: () => T): T {
  try {
    return query();
  } catch (reason) {
    if (!(reason instanceof PromqlError)) throw reason;
    const { message, position } = reason;
    const place = position === undefined ? "" : ` (at character ${position + 1})`;
    throw new IsthmusError("query/wrong", `${message}${place}`, {
      cause: reason,
      nextStep: "The language is PromQL: https://prometheus.io/docs/prometheus/latest/querying/basics/",
    });
  }
}
