import { IsthmusError } from "../../base/index.ts";
import { type Span, spansInOrder, type Trace } from "../../telemetry/index.ts";
import type { TracePage, TraceRow, TraceSpan, TracesPage } from "../api.ts";
import type { Reader } from "../reader.ts";

const mostRows = 50;

/** The newest traces: GET /api/traces?service=NAME&errors=1&atLeast=MILLISECONDS */
export async function tracesPage(reader: Reader, query: URLSearchParams): Promise<TracesPage> {
  const traces = await reader.source.traces();
  const service = query.get("service") || undefined;
  const atLeast = Number(query.get("atLeast") ?? 0);
  const found = traces.find({
    ...(service === undefined ? {} : { service }),
    ...(query.get("errors") === "1" ? { tags: { error: "true" } } : {}),
    ...(atLeast > 0 ? { minDuration: atLeast * 1000 } : {}),
    limit: mostRows,
  });
  return { traces: found.map(rowOf), services: traces.services() };
}

/** One trace: GET /api/traces/ID. console/no-such-page when it is not there any more. */
export async function tracePage(
  reader: Reader,
  _: URLSearchParams,
  { id = "" }: Readonly<Record<string, string>>,
): Promise<TracePage> {
  const trace = (await reader.source.traces()).get(id);
  if (trace === undefined)
    throw new IsthmusError("console/no-such-page", `there is no trace ${id}`, {
      nextStep: "Traces are kept for an hour, and as long as there is room.",
    });
  return { ...rowOf(trace), spans: treeOf(trace) };
}

function rowOf({ traceId, root, start, duration, services, spans, errors }: Trace): TraceRow {
  return {
    id: traceId,
    service: root.service,
    name: root.name,
    start: start / 1000,
    durationMs: duration / 1000,
    services: [...services].map(([name, count]) => ({ name, spans: count })),
    spanCount: spans.length,
    errors,
  };
}

/** Every span after the one that caused it, with how deep it is below the first; times from the trace's start. */
function treeOf(trace: Trace): TraceSpan[] {
  return spansInOrder(trace).map(({ span, depth }) => spanOf(span, depth, trace.start));
}

function spanOf(span: Span, depth: number, start: number): TraceSpan {
  const tags = [...span.tags, ...span.process].map(([key, value]) => [key, String(value)] as const);
  const clusterId = tags.find(([key]) => key === "istio.cluster_id")?.[1];
  return {
    id: span.spanId,
    depth,
    service: span.service,
    name: span.name,
    ...(span.kind === undefined ? {} : { kind: span.kind }),
    ...(clusterId === undefined ? {} : { cluster: clusterId }),
    startMs: (span.start - start) / 1000,
    durationMs: span.duration / 1000,
    isError: span.isError,
    tags,
    events: span.logs.map(({ at, fields }) => ({
      atMs: (at - start) / 1000,
      text: fields.map(([key, value]) => `${key}=${value}`).join(" "),
    })),
  };
}
