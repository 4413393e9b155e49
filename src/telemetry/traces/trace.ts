import type { Span } from "./span.ts";

/** A whole trace, ready to be shown. */
export interface Trace {
  readonly traceId: string;
  /** By start; every id is there once. */
  readonly spans: readonly Span[];
  /** The first span without a parent in the trace: what began it. */
  readonly root: Span;
  /** Of the earliest span, in microseconds since 1970. */
  readonly start: number;
  /** From the start of the earliest to the end of the latest span, in microseconds. */
  readonly duration: number;
  /** How many spans each service has, in the order of their first. */
  readonly services: ReadonlyMap<string, number>;
  readonly errors: number;
}

/** Puts the spans of one trace together; undefined when there are none. */
export function traceOf(reported: readonly Span[]): Trace | undefined {
  const spans = withUniqueIds(reported).sort((a, b) => a.start - b.start || b.duration - a.duration);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const root = spans.find(({ parentId }) => parentId === undefined || !ids.has(parentId)) ?? spans[0];
  if (root === undefined) return undefined;
  const start = Math.min(...spans.map((span) => span.start));
  const services = new Map<string, number>();
  for (const { service } of spans) services.set(service, (services.get(service) ?? 0) + 1);
  return {
    traceId: root.traceId,
    spans,
    root,
    start,
    duration: Math.max(...spans.map((span) => span.start + span.duration)) - start,
    services,
    errors: spans.filter(({ isError }) => isError).length,
  };
}

/**
 * Zipkin lets client and server report one span under one id (shared spans of B3). Told apart as Jaeger does: the
 * server's gets an id of its own below the client's, and what either of them caused stays below the server's.
 */
function withUniqueIds(spans: readonly Span[]): Span[] {
  const clients = new Set(spans.filter(({ kind }) => kind === "client").map(({ spanId }) => spanId));
  const renamed = new Map<string, string>();
  const taken = new Set(spans.map(({ spanId }) => spanId));
  for (const { kind, spanId } of spans) {
    if (kind === "server" && clients.has(spanId)) renamed.set(spanId, freeId(spanId, taken));
  }
  if (renamed.size === 0) return [...spans];
  return spans.map((span) => {
    const { spanId, parentId, kind } = span;
    const own = kind === "server" ? renamed.get(spanId) : undefined;
    if (own !== undefined) return { ...span, spanId: own, parentId: spanId };
    const parent = parentId === undefined ? undefined : renamed.get(parentId);
    return parent === undefined ? span : { ...span, parentId: parent };
  });
}

function freeId(id: string, taken: Set<string>): string {
  let next = BigInt(`0x${id}`);
  for (;;) {
    next = BigInt.asUintN(64, next + 1n);
    const text = next.toString(16).padStart(16, "0");
    if (taken.has(text) || next === 0n) continue;
    taken.add(text);
    return text;
  }
}
