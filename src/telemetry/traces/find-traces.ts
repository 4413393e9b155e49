import type { Span } from "./span.ts";
import { type Trace, traceOf } from "./trace.ts";
import type { TraceStore } from "./trace-store.ts";

/** Which traces are wanted: those with a span that is all of this. Times are microseconds. */
export interface TraceQuery {
  readonly service?: string;
  readonly operation?: string;
  readonly spanKind?: string;
  /** Each must be among the span's or its process's tags, with this text. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Earliest and latest start, since 1970. */
  readonly start?: number;
  readonly end?: number;
  readonly minDuration?: number;
  readonly maxDuration?: number;
  /** Default 20. */
  readonly limit?: number;
}

const defaultLimit = 20;

/** The newest traces that `query` wants, newest first. */
export function findTraces(store: TraceStore, query: TraceQuery): Trace[] {
  const { limit = defaultLimit } = query;
  const found: Trace[] = [];
  for (const spans of store.traces()) {
    if (found.length >= limit) break;
    if (!spans.some((span) => isWanted(span, query))) continue;
    const trace = traceOf(spans);
    if (trace !== undefined) found.push(trace);
  }
  return found.sort((a, b) => b.start - a.start);
}

function isWanted(span: Span, query: TraceQuery): boolean {
  const { service, operation, spanKind, tags = {}, start, end, minDuration, maxDuration } = query;
  return (
    (service === undefined || span.service === service) &&
    (operation === undefined || span.name === operation) &&
    (spanKind === undefined || span.kind === spanKind) &&
    (start === undefined || span.start >= start) &&
    (end === undefined || span.start <= end) &&
    (minDuration === undefined || span.duration >= minDuration) &&
    (maxDuration === undefined || span.duration <= maxDuration) &&
    Object.entries(tags).every(([key, value]) => hasTag(span, key, value))
  );
}

function hasTag({ tags, process, isError }: Span, key: string, value: string): boolean {
  if (key === "error" && value === String(isError)) return true;
  const has = (one: readonly [string, unknown]) => one[0] === key && String(one[1]) === value;
  return tags.some(has) || process.some(has);
}

/** A name of operations and the kind of spans that have it. */
export interface Operation {
  readonly name: string;
  /** Empty when the spans say none. */
  readonly spanKind: string;
}

/** All services that reported a span, in order. */
export function servicesIn(store: TraceStore): string[] {
  const names = new Set<string>();
  for (const spans of store.traces()) for (const { service } of spans) names.add(service);
  return [...names].sort();
}

/** The operations of a service, in order; with `spanKind` those of this kind. */
export function operationsOf(store: TraceStore, service: string, spanKind?: string): Operation[] {
  const found = new Map<string, Operation>();
  for (const spans of store.traces()) {
    for (const span of spans) {
      const kind = span.kind ?? "";
      if (span.service !== service || (spanKind !== undefined && kind !== spanKind)) continue;
      found.set(`${span.name}\n${kind}`, { name: span.name, spanKind: kind });
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, operation]) => operation);
}

/** How often one service's spans caused another's. */
export interface Dependency {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
}

/** Who called whom in the traces that began from `start` to `end`, in microseconds since 1970. */
export function dependenciesIn(store: TraceStore, start: number, end: number): Dependency[] {
  const counts = new Map<string, Dependency>();
  for (const spans of store.traces()) {
    const trace = traceOf(spans);
    if (trace === undefined || trace.start < start || trace.start > end) continue;
    const services = new Map(trace.spans.map(({ spanId, service }) => [spanId, service]));
    for (const { parentId, service: child } of trace.spans) {
      const parent = services.get(parentId ?? "");
      if (parent === undefined || parent === child) continue;
      const key = `${parent}\n${child}`;
      counts.set(key, { parent, child, callCount: (counts.get(key)?.callCount ?? 0) + 1 });
    }
  }
  return [...counts.values()];
}
