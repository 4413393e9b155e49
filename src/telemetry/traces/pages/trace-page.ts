import { type Html, html } from "../../pages/html.ts";
import { colourClass, formatDuration, plural } from "../../pages/page.ts";
import { depthClass } from "../../pages/style.ts";
import type { Span, Tags } from "../span.ts";
import { type PlacedSpan, spansInOrder } from "../spans-in-order.ts";
import type { Trace } from "../trace.ts";

/** One trace as a waterfall: a row for every span below the one that caused it, with what is known of it on demand. */
export function tracePage(trace: Trace): Html {
  const { traceId, root, spans, services, duration, start, errors } = trace;
  const rows = spansInOrder(trace);
  const depth = Math.max(...rows.map((row) => row.depth)) + 1;
  return html`<header><h1>${root.service}: ${root.name}</h1><p class="id">${traceId}</p>
<nav><a href="../search">All traces</a><a href="../api/traces/${traceId}">JSON</a></nav></header>
<main>
<dl class="card facts">
<div><dt>Begun</dt><dd><time datetime="${iso(start)}">${iso(start).replace("T", " ").replace("Z", " UTC")}</time></dd></div>
<div><dt>Duration</dt><dd>${formatDuration(duration)}</dd></div>
<div><dt>Services</dt><dd>${services.size}</dd></div>
<div><dt>Depth</dt><dd>${depth}</dd></div>
<div><dt>Spans</dt><dd>${spans.length}</dd></div>
<div><dt>Errors</dt><dd>${errors === 0 ? "none" : html`<span class="fail">● ${errors}</span>`}</dd></div>
</dl>
<section class="card waterfall" aria-label="${plural(spans.length, "span")} in order"><div>
<div class="ruler"><span>Service and operation</span><span class="ticks">${[0, 0.25, 0.5, 0.75, 1].map((part) => html`<span>${formatDuration(duration * part)}</span>`)}</span><span class="took">Took</span></div>
${rows.map((row) => spanRow(row, trace))}
</div></section>
</main>`;
}

/** Units in which bars are drawn: thousandths of the trace. */
const width = 1000;

function spanRow({ span, depth }: PlacedSpan, { start, duration }: Trace): Html {
  const at = duration === 0 ? 0 : ((span.start - start) / duration) * width;
  const long = duration === 0 ? width : Math.max(3, (span.duration / duration) * width);
  const lines = [250, 500, 750].map((x) => html`<line class="line" x1="${x}" x2="${x}" y1="0" y2="12"/>`);
  return html`<details id="${span.spanId}"><summary class="row">
<span class="what ${depthClass(depth)}"><span class="chip ${colourClass(span.service)}">${span.service}</span>${span.isError && html`<span class="fail" title="failed">● error</span>`}<span class="operation" title="${span.name}">${span.name}</span></span>
<svg class="span ${colourClass(span.service)}" viewBox="0 0 ${width} 12" preserveAspectRatio="none" role="img" aria-label="begins after ${formatDuration(span.start - start)}, takes ${formatDuration(span.duration)}">${lines}<rect class="bar" x="${Math.min(at, width - 3).toFixed(1)}" y="2" width="${Math.min(long, width).toFixed(1)}" height="8"/></svg>
<span class="took">${formatDuration(span.duration)}</span></summary>
<div class="about">
${section("Span", spanFacts(span))}
${section("Tags", span.tags)}
${section("Process", span.process)}
${span.logs.map(({ at: time, fields }) => section(`Event after ${formatDuration(time - start)}`, fields))}
</div></details>`;
}

function spanFacts({ spanId, parentId, kind, links }: Span): Tags {
  return [
    ["span id", spanId],
    ...(parentId === undefined ? [] : [["parent id", parentId] as const]),
    ...(kind === undefined ? [] : [["kind", kind] as const]),
    ...links.map(({ traceId, spanId: id }) => ["follows from", `${traceId} ${id}`] as const),
  ];
}

function section(title: string, tags: Tags): Html | undefined {
  if (tags.length === 0) return undefined;
  const lines = tags.map(([key, value]) => html`<dt>${key}</dt><dd>${String(value)}</dd>`);
  return html`<div><h2>${title}</h2><dl>${lines}</dl></div>`;
}

function iso(microseconds: number): string {
  return new Date(microseconds / 1000).toISOString();
}
