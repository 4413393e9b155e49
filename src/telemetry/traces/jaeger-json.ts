import type { Span, Tags } from "./span.ts";
import type { Trace } from "./trace.ts";

/** A trace as Jaeger's HTTP query API answers it, which its page, Kiali and Grafana read. */
export interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<
    Record<string, { readonly serviceName: string; readonly tags: readonly JaegerTag[] }>
  >;
  readonly warnings: null;
}

export interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly {
    readonly refType: "CHILD_OF" | "FOLLOWS_FROM";
    readonly traceID: string;
    readonly spanID: string;
  }[];
  /** Microseconds since 1970. */
  readonly startTime: number;
  /** Microseconds. */
  readonly duration: number;
  readonly tags: readonly JaegerTag[];
  readonly logs: readonly { readonly timestamp: number; readonly fields: readonly JaegerTag[] }[];
  readonly processID: string;
  readonly warnings: null;
}

export interface JaegerTag {
  readonly key: string;
  readonly type: "string" | "bool" | "int64" | "float64";
  readonly value: string | number | boolean;
}

export function jaegerTrace({ traceId, spans }: Trace): JaegerTrace {
  const ids = new Map<string, string>();
  const processes: Record<string, JaegerTrace["processes"][string]> = {};
  const processOf = ({ service, process }: Span) => {
    const key = JSON.stringify([service, process]);
    let id = ids.get(key);
    if (id === undefined) {
      id = `p${ids.size + 1}`;
      ids.set(key, id);
      processes[id] = { serviceName: service, tags: jaegerTags(process) };
    }
    return id;
  };
  return {
    traceID: traceId,
    spans: spans.map((span) => jaegerSpan(span, processOf(span))),
    processes,
    warnings: null,
  };
}

function jaegerSpan(span: Span, processID: string): JaegerSpan {
  const { traceId, spanId, parentId, links, name, kind, start, duration, tags, logs } = span;
  return {
    traceID: traceId,
    spanID: spanId,
    operationName: name,
    references: [
      ...(parentId === undefined
        ? []
        : [{ refType: "CHILD_OF" as const, traceID: traceId, spanID: parentId }]),
      ...links.map((link) => ({
        refType: "FOLLOWS_FROM" as const,
        traceID: link.traceId,
        spanID: link.spanId,
      })),
    ],
    startTime: start,
    duration,
    tags: jaegerTags(kind === undefined ? tags : [["span.kind", kind], ...tags]),
    logs: logs.map(({ at, fields }) => ({ timestamp: at, fields: jaegerTags(fields) })),
    processID,
    warnings: null,
  };
}

function jaegerTags(tags: Tags): JaegerTag[] {
  return tags.map(([key, value]) => ({ key, type: typeOf(value), value }));
}

function typeOf(value: Tags[number][1]): JaegerTag["type"] {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  return Number.isInteger(value) ? "int64" : "float64";
}
