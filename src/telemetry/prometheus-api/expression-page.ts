import type { HttpHandler } from "../contracts.ts";
import { type Html, html } from "../pages/html.ts";
import { lineChart } from "../pages/line-chart.ts";
import { colourClass, sendPage } from "../pages/page.ts";
import { style } from "../pages/style.ts";
import { PromqlError } from "../promql/expression.ts";
import { formatNumber } from "../promql/format-number.ts";
import { readDuration } from "../promql/read-duration.ts";
import { type InstantResult, type Line, runInstantQuery, runRangeQuery } from "../promql/run-query.ts";
import type { Sample } from "../promql/values.ts";
import { formatLabels } from "../store/labels.ts";
import type { MetricStore } from "../store/metric-store.ts";

/** Lines of a table. */
const maxRows = 500;
/** Moments of a chart. */
const chartSteps = 240;

const ranges = ["5m", "15m", "1h"];
const example =
  'sum by (source_workload, destination_workload) (rate(istio_requests_total{reporter="source"}[1m]))';

/** The page for people: an expression, and what it gives as a table or a chart. Without scripts. */
export function createExpressionPage(options: { readonly store: MetricStore; now(): number }): HttpHandler {
  return async ({ method, url = "/" }, response) => {
    if (method !== "GET") return false;
    const { pathname, searchParams } = new URL(url, "http://prometheus");
    if (pathname === "/pages.css") {
      response
        .writeHead(200, { "content-type": "text/css; charset=utf-8", "cache-control": "no-cache" })
        .end(style);
      return true;
    }
    if (pathname !== "/" && pathname !== "/graph" && pathname !== "/query") return false;
    const expression = (searchParams.get("g0.expr") ?? searchParams.get("expr") ?? "").trim();
    const range = searchParams.get("range") ?? "";
    const { status, body } = view(expression, range, options);
    sendPage(response, {
      status,
      title: expression === "" ? "Metrics" : expression,
      base: "./",
      body: html`<header><h1>Metrics</h1><p>${options.store.size.series} series of the whole mesh, in PromQL</p></header>
<main>${form(expression, range)}${body}</main>`,
    });
    return true;
  };
}

function form(expression: string, range: string): Html {
  const choices = [
    ["", "now, as a table"] as const,
    ...ranges.map((one) => [one, `the last ${one}`] as const),
  ];
  return html`<form class="card" action="graph" method="get">
<label class="expression">Expression<input name="expr" value="${expression}" placeholder="${example}" autofocus spellcheck="false"></label>
<label>Show<select name="range">${choices.map(
    ([value, text]) => html`<option value="${value}"${value === range && html` selected`}>${text}</option>`,
  )}</select></label>
<button>Evaluate</button>
</form>`;
}

function view(
  expression: string,
  range: string,
  { store, now }: { readonly store: MetricStore; now(): number },
): { readonly status: number; readonly body: Html } {
  if (expression === "") return { status: 200, body: names(store) };
  try {
    const length = readDuration(range);
    if (length === undefined)
      return { status: 200, body: table(runInstantQuery(expression, now(), store.select)) };
    const step = Math.max(1000, Math.ceil(length / chartSteps / 1000) * 1000);
    const end = now();
    const lines = runRangeQuery(expression, { start: end - length, end, step }, store.select);
    return { status: 200, body: chart(lines, end - length, end) };
  } catch (reason) {
    if (!(reason instanceof PromqlError)) throw reason;
    const place = reason.position === undefined ? "" : ` (at character ${reason.position + 1})`;
    return { status: 400, body: html`<p class="problem" role="alert">${reason.message}${place}</p>` };
  }
}

function names({ families }: MetricStore): Html {
  const all = [...families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (all.length === 0) return html`<div class="card empty"><p>Nothing has been scraped yet.</p></div>`;
  const rows = all.map(
    ({ name, type, help }) =>
      html`<tr><td><a href="graph?expr=${encodeURIComponent(name)}"><code>${name}</code></a></td><td>${type}</td><td>${help}</td></tr>`,
  );
  return html`<div class="card results"><table><thead><tr><th>Metric</th><th>Type</th><th></th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function table(result: InstantResult): Html {
  const rows = rowsOf(result);
  if (rows.length === 0) return nothing;
  return html`<div class="card results"><table>
<thead><tr><th>Series</th><th class="number">Value</th></tr></thead>
<tbody>${rows
    .slice(0, maxRows)
    .map(
      ([name, value]) => html`<tr><td><code>${name}</code></td><td class="number">${value}</td></tr>`,
    )}</tbody>
</table>${rows.length > maxRows && html`<p class="dim">${rows.length - maxRows} more</p>`}</div>`;
}

const nothing = html`<div class="card empty"><p>No series is like this now.</p></div>`;

function rowsOf(result: InstantResult): [name: string, value: string][] {
  switch (result.type) {
    case "vector":
      return result.samples.map(({ labels, value }: Sample) => [formatLabels(labels), formatNumber(value)]);
    case "matrix":
      return result.lines.map(({ labels, values }) => [
        formatLabels(labels),
        values.map(formatNumber).join(" "),
      ]);
    default:
      return [[result.type, typeof result.value === "number" ? formatNumber(result.value) : result.value]];
  }
}

function chart(lines: readonly Line[], start: number, end: number): Html {
  if (lines.length === 0) return nothing;
  const nameOf = ({ labels }: Line) => formatLabels(labels);
  const rows = lines
    .slice(0, maxRows)
    .map(
      (line) =>
        html`<tr><td><span class="chip ${colourClass(nameOf(line))}"><code>${nameOf(line)}</code></span></td><td class="number">${formatNumber(line.values.at(-1) ?? Number.NaN)}</td></tr>`,
    );
  return html`<div class="card panel">${lineChart(lines, { start, end, format: short, nameOf, width: 1240, height: 320 })}</div>
<div class="card results"><table><thead><tr><th>Series</th><th class="number">Last value</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** A number at an axis: "1.2k", "0.05". */
function short(value: number): string {
  const size = Math.abs(value);
  const [, factor, unit] = (
    [
      [1e9, 1e9, "G"],
      [1e6, 1e6, "M"],
      [1e3, 1e3, "k"],
    ] as const
  ).find(([from]) => size >= from) ?? [0, 1, ""];
  return `${Number((value / factor).toPrecision(4))}${unit}`;
}
