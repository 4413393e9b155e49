import type { Span } from "./span.ts";
import type { Trace } from "./trace.ts";

/** A span and how far it is below the first of its trace. */
export interface PlacedSpan {
  readonly span: Span;
  readonly depth: number;
}

/** Every span after its parent, siblings by start; those whose parent was not reported stand at the top. */
export function spansInOrder({ spans }: Trace): PlacedSpan[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const children = new Map<string | undefined, Span[]>();
  for (const span of spans) {
    const parent = span.parentId !== undefined && ids.has(span.parentId) ? span.parentId : undefined;
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const rows: PlacedSpan[] = [];
  const waiting: PlacedSpan[] = (children.get(undefined) ?? []).map((span) => ({ span, depth: 0 })).reverse();
  const shown = new Set<Span>();
  for (let row = waiting.pop(); row !== undefined; row = waiting.pop()) {
    if (shown.has(row.span)) continue;
    shown.add(row.span);
    rows.push(row);
    const { span, depth } = row;
    const below = (children.get(span.spanId) ?? []).map((child) => ({ span: child, depth: depth + 1 }));
    waiting.push(...below.reverse());
  }
  // Spans that cause each other in a circle have no top.
  for (const span of spans) if (!shown.has(span)) rows.push({ span, depth: 0 });
  return rows;
}
