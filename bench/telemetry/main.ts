import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { runRangeQuery } from "../../src/telemetry/promql/run-query.ts";
import { createMetricStore } from "../../src/telemetry/store/metric-store.ts";

const { values: options } = parseArgs({
  options: { series: { type: "string", default: "1000" }, rounds: { type: "string", default: "20" } },
});
const count = Number(options.series);
const rounds = Number(options.rounds);
const hour = 3_600_000;
/** As the mesh scrapes. */
const interval = 15_000;

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");
const heap = () => {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/** A page of counters as a proxy has them, after `scrapes` scrapes. */
function page(scrapes: number): string {
  const lines = ["# TYPE istio_requests_total counter"];
  for (let i = 0; i < count; i++)
    lines.push(
      `istio_requests_total{reporter="destination",source_workload="client-${i % 20}",destination_workload="server-${Math.floor(i / 20)}",destination_service_name="server",response_code="200",connection_security_policy="mutual_tls"} ${scrapes * (1 + (i % 7))}`,
    );
  return `${lines.join("\n")}\n`;
}

const before = heap();
const store = createMetricStore({ retention: hour, maxSamples: 2000 });
const target = store.target({ job: "istio-proxies", instance: "127.0.0.1:15090" });
const end = Date.now();
for (let at = end - hour, scrapes = 1; at <= end; at += interval, scrapes++)
  target.take(page(scrapes), at, { up: 1 });
const bytes = heap() - before;

const queries = [
  "sum by (destination_workload) (rate(istio_requests_total[1m]))",
  'sum(irate(istio_requests_total{reporter="destination"}[1m])) by (source_workload, response_code)',
  "topk(5, increase(istio_requests_total[5m]))",
];
const row = (what: string, value: string) => console.log(`  ${what.padEnd(90)} ${value.padStart(12)}`);
console.log(`\ntelemetry: ${count} series over an hour, a sample every ${interval / 1000} s`);
row("memory of all series", `${(bytes / 1024 / 1024).toFixed(1)} MB`);
for (const query of queries) {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const started = performance.now();
    runRangeQuery(query, { start: end - hour, end, step: interval }, store.select);
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  row(`query_range of ${query}`, `${(times[Math.floor(times.length / 2)] ?? 0).toFixed(1)} ms`);
}
