import { histogramQuantile } from "../promql/quantile.ts";
import { createMatcher } from "../store/matcher.ts";
import { type GraphSource, wantedFlows } from "./build-graph.ts";
import { addMeasured, bucketsOf, type Measured, nothing, type Party } from "./read-flows.ts";
import { isKnown } from "./settle-flows.ts";
import type { GraphOptions } from "./traffic-graph.ts";

/** What one workload does: requests that come in and go out, and what its pods use. */
export interface WorkloadSummary {
  readonly cluster: string;
  readonly namespace: string;
  readonly workload: string;
  readonly incoming: RequestSummary;
  readonly outgoing: RequestSummary;
  /** Bytes a second of TCP, both ways. */
  readonly tcpBytesPerSecond: number;
  /** Processors that its containers keep busy; absent when nobody says. */
  readonly cpu?: number;
  /** Bytes of its containers; absent when nobody says. */
  readonly memory?: number;
}

export interface RequestSummary {
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
  /** Absent without requests. */
  readonly latencyMs?: { readonly p50: number; readonly p95: number; readonly p99: number };
}

/** What the summary needs beside what the graph does. */
export interface SummarySource extends GraphSource {
  /** "namespace/workload" of a pod; undefined when it is not known. */
  workloadOf(cluster: string, namespace: string, pod: string): string | undefined;
}

interface Row {
  readonly cluster: string;
  readonly namespace: string;
  readonly workload: string;
  readonly incoming: Measured;
  readonly outgoing: Measured;
  tcp: number;
  cpu: number | undefined;
  memory: number | undefined;
}

/** Every workload that has traffic or pods that are measured, the busiest first. */
export function summarizeWorkloads(
  source: SummarySource,
  options: Omit<GraphOptions, "level" | "withServices">,
): readonly WorkloadSummary[] {
  const { rangeSeconds = 60, at = source.now, namespaces, clusters } = options;
  const from = at - rangeSeconds * 1000;
  const rows = new Map<string, Row>();
  const rowOf = (cluster: string, namespace: string, workload: string): Row => {
    const key = `${cluster}/${namespace}/${workload}`;
    let row = rows.get(key);
    if (row === undefined) {
      const none = { incoming: nothing(), outgoing: nothing(), tcp: 0, cpu: undefined, memory: undefined };
      row = { cluster, namespace, workload, ...none };
      rows.set(key, row);
    }
    return row;
  };
  const rowOfParty = ({ cluster, namespace, workload }: Party) => rowOf(cluster, namespace, workload);
  for (const { source: caller, destination, protocol, measured } of wantedFlows(source, options)) {
    for (const [party, side] of [
      [destination, "incoming"],
      [caller, "outgoing"],
    ] as const) {
      if (!isKnown(party)) continue;
      const row = rowOfParty(party);
      if (protocol === "tcp") row.tcp += measured.sent + measured.received;
      else addMeasured(row[side], measured);
    }
  }
  for (const [name, take] of uses) {
    for (const series of source.store.select([createMatcher("__name__", "=", name)], from, at)) {
      const { cluster = "", namespace = "", pod = "" } = series.labels;
      const workload = source.workloadOf(cluster, namespace, pod);
      if (workload !== undefined && !series.isEnded)
        take(rowOf(cluster, namespace, workload.slice(namespace.length + 1)), series, from, at);
    }
  }
  return [...rows.values()]
    .filter(({ namespace }) => namespaces === undefined || namespaces.includes(namespace))
    .filter(({ cluster }) => clusters === undefined || clusters.includes(cluster))
    .map((row) => ({
      cluster: row.cluster,
      namespace: row.namespace,
      workload: row.workload,
      incoming: requests(row.incoming),
      outgoing: requests(row.outgoing),
      tcpBytesPerSecond: row.tcp,
      ...(row.cpu === undefined ? {} : { cpu: row.cpu }),
      ...(row.memory === undefined ? {} : { memory: row.memory }),
    }))
    .sort((a, b) => load(b) - load(a) || (place(a) < place(b) ? -1 : 1));
}

type StoredSeries = ReturnType<GraphSource["store"]["select"]>[number];

const uses: readonly (readonly [
  string,
  (row: Row, series: StoredSeries, from: number, to: number) => void,
])[] = [
  [
    "container_cpu_usage_seconds_total",
    (row, series, from, to) => {
      const { amount, seconds } = series.increase(from, to);
      row.cpu = (row.cpu ?? 0) + amount / seconds;
    },
  ],
  [
    "container_memory_working_set_bytes",
    (row, series) => {
      row.memory = (row.memory ?? 0) + (series.value ?? 0);
    },
  ],
];

function requests(measured: Measured): RequestSummary {
  const { requests: requestsPerSecond, failed: failedPerSecond } = measured;
  if (requestsPerSecond === 0) return { requestsPerSecond, failedPerSecond };
  const buckets = bucketsOf(measured);
  const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((q) => histogramQuantile(q, buckets));
  return {
    requestsPerSecond,
    failedPerSecond,
    ...(Number.isNaN(p50) ? {} : { latencyMs: { p50, p95, p99 } }),
  };
}

function load({ incoming, outgoing, tcpBytesPerSecond }: WorkloadSummary): number {
  return incoming.requestsPerSecond + outgoing.requestsPerSecond + tcpBytesPerSecond / 1e6;
}

function place({ cluster, namespace, workload }: WorkloadSummary): string {
  return `${cluster}/${namespace}/${workload}`;
}
