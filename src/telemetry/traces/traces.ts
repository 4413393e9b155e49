import type { Clock } from "../../base/index.ts";
import type { HttpHandler } from "../contracts.ts";
import { type CollectCounts, createCollector } from "./collect.ts";
import { findTraces, servicesIn, type TraceQuery } from "./find-traces.ts";
import { createJaegerApi, traceById } from "./jaeger-api.ts";
import { createTracePages } from "./pages/trace-pages.ts";
import type { Trace } from "./trace.ts";
import { createTraceStore, type TraceCounts } from "./trace-store.ts";

export interface TracesOptions {
  readonly clock: Clock;
  /** How long a trace is kept, in milliseconds. Default one hour. */
  readonly retention?: number;
}

/** The traces of a whole mesh: what was reported to any of its collectors, kept in bounded memory. */
export interface Traces {
  /** Takes reports of spans: Zipkin's POST /api/v2/spans, OTLP's POST /v1/traces. */
  readonly collector: HttpHandler;
  /** Jaeger's HTTP query API, GET /api/… */
  readonly jaegerApi: HttpHandler;
  /** Pages on traces: GET /search, /trace/ID. */
  readonly pages: HttpHandler;
  /** The newest traces that the query wants, newest first. */
  find(query: TraceQuery): readonly Trace[];
  /** The trace with this id, 1 to 32 hexadecimal digits; undefined when there is none. */
  get(traceId: string): Trace | undefined;
  /** Everybody who reported a span that is still kept, in order. */
  services(): readonly string[];
  readonly counts: TraceCounts & CollectCounts;
}

const hour = 3_600_000;
const mostBytes = 64 * 1024 * 1024;
const mostSpansOfTrace = 5000;

/** Keeps traces of the last hour, at most 64 MiB of them and 5,000 spans of each. Does nothing until a span comes. */
export function createTraces({ clock, retention = hour }: TracesOptions): Traces {
  const store = createTraceStore({ clock, retention, mostBytes, mostSpans: mostSpansOfTrace });
  const collector = createCollector(store);
  return {
    collector: collector.handle,
    jaegerApi: createJaegerApi(store),
    pages: createTracePages(store, clock),
    find: (query) => findTraces(store, query),
    get: (id) => traceById(store, id),
    services: () => servicesIn(store),
    get counts() {
      return { ...store.counts, ...collector.counts };
    },
  };
}
