import type { Clock } from "../../base/index.ts";
import type { Span } from "./span.ts";

export interface TraceStoreOptions {
  readonly clock: Clock;
  /** Milliseconds that a trace is kept after its first span came. */
  readonly retention: number;
  /** Bytes that all spans together may take, about. The oldest traces make room. */
  readonly mostBytes: number;
  /** Spans kept of one trace; later ones are left out. */
  readonly mostSpans: number;
}

/** Traces in memory, the oldest forgotten first. */
export interface TraceStore {
  add(spans: readonly Span[]): void;
  /** The spans of a trace in the order in which they came; undefined when nothing is known of it. */
  spansOf(traceId: string): readonly Span[] | undefined;
  /** All traces, the newest first. */
  traces(): readonly (readonly Span[])[];
  readonly counts: TraceCounts;
}

export interface TraceCounts {
  readonly traces: number;
  readonly spans: number;
  /** Kept bytes, as far as they can be estimated. */
  readonly bytes: number;
  /** Spans since the start that were left out of traces with too many. */
  readonly dropped: number;
}

interface Entry {
  readonly spans: Span[];
  /** When the first of its spans came, in milliseconds since 1970. */
  readonly cameAt: number;
  bytes: number;
}

export function createTraceStore({ clock, retention, mostBytes, mostSpans }: TraceStoreOptions): TraceStore {
  /** By id, in the order of their first spans. */
  const entries = new Map<string, Entry>();
  let bytes = 0;
  let spanCount = 0;
  let dropped = 0;

  const forget = (id: string, entry: Entry) => {
    entries.delete(id);
    bytes -= entry.bytes;
    spanCount -= entry.spans.length;
  };
  const forgetOld = () => {
    const tooOld = clock.now() - retention;
    for (const [id, entry] of entries) {
      if (entry.cameAt > tooOld && bytes <= mostBytes) return;
      forget(id, entry);
    }
  };
  return {
    add(spans) {
      for (const span of spans) {
        let entry = entries.get(span.traceId);
        if (entry === undefined) {
          entry = { spans: [], cameAt: clock.now(), bytes: 0 };
          entries.set(span.traceId, entry);
        }
        if (entry.spans.length >= mostSpans) {
          dropped++;
          continue;
        }
        const size = sizeOf(span);
        entry.spans.push(span);
        entry.bytes += size;
        bytes += size;
        spanCount++;
      }
      forgetOld();
    },
    spansOf(traceId) {
      forgetOld();
      return entries.get(traceId)?.spans;
    },
    traces() {
      forgetOld();
      return [...entries.values()].map(({ spans }) => spans).reverse();
    },
    get counts() {
      return { traces: entries.size, spans: spanCount, bytes, dropped };
    },
  };
}

/** What is kept for a span and for one of its tags beside their texts. A proxy's span takes 2.8 KB and counts as 3.2 KB. */
const spanOverhead = 400;
const tagOverhead = 100;

/** About how many bytes of memory a span takes. */
function sizeOf({ name, service, process, tags, logs }: Span): number {
  const all = [process, tags, ...logs.map(({ fields }) => fields)];
  let size = spanOverhead + name.length + service.length;
  for (const some of all)
    for (const [key, value] of some)
      size += tagOverhead + key.length + (typeof value === "string" ? value.length : 8);
  return size;
}
