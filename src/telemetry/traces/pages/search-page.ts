import { type Html, html } from "../../pages/html.ts";
import { colourClass, formatDuration, plural } from "../../pages/page.ts";
import type { Operation, TraceQuery } from "../find-traces.ts";
import type { Trace } from "../trace.ts";

/** What the search page shows. */
export interface SearchView {
  readonly parameters: URLSearchParams;
  readonly query: TraceQuery;
  readonly services: readonly string[];
  /** Of the chosen service. */
  readonly operations: readonly Operation[];
  readonly found: readonly Trace[];
  /** What is wrong with the query, in words. */
  readonly problem?: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Values of `lookback`, in microseconds, and how they are called. */
export const lookbacks: Readonly<Record<string, readonly [microseconds: number, text: string]>> = {
  "5m": [300e6, "last 5 minutes"],
  "15m": [900e6, "last 15 minutes"],
  "1h": [3600e6, "last hour"],
};

/** The search: a form, and what it found as a table. */
export function searchPage(view: SearchView): Html {
  const { services, found, problem, now, query } = view;
  return html`<header><h1>Traces</h1><p>${summary(view)}</p></header>
<main>
${form(view)}
${problem !== undefined && html`<p class="problem" role="alert">${problem}</p>`}
${
  services.length === 0
    ? nothingYet
    : found.length === 0
      ? problem === undefined &&
        html`<div class="card empty"><p>No trace is like this${query.service === undefined ? "" : html`, with a span of ${query.service}`}.</p></div>`
      : results(found, now)
}
</main>`;
}

function summary({ services, found }: SearchView): string {
  return services.length === 0
    ? ""
    : `${plural(found.length, "trace")} of ${plural(services.length, "service")}`;
}

const nothingYet = html`<div class="card empty">
<p>Nobody has reported a span yet.</p>
<p>A request through any proxy makes a trace, seen here within five seconds: <code>isthmus load</code> sends some.</p>
</div>`;

function form({ parameters, services, operations, query }: SearchView): Html {
  const value = (name: string) => parameters.get(name) ?? "";
  const names = [...new Set(operations.map(({ name }) => name))];
  return html`<form class="card" action="search" method="get">
${select("Service", "service", [["", "any"], ...services.map((one): Choice => [one, one])], query.service ?? "")}
${select("Operation", "operation", [["all", "any"], ...names.map((one): Choice => [one, one])], query.operation ?? "all")}
<label class="wide">Tags<input name="tags" value="${value("tags")}" placeholder="http.status_code=503 error=true"></label>
<label>At least<input name="minDuration" value="${value("minDuration")}" placeholder="100ms"></label>
<label>At most<input name="maxDuration" value="${value("maxDuration")}" placeholder="1.2s"></label>
${select(
  "Begun in the",
  "lookback",
  Object.entries(lookbacks).map(([name, [, text]]): Choice => [name, text]),
  value("lookback") || "1h",
)}
${select(
  "Show",
  "limit",
  ["20", "100", "500"].map((one): Choice => [one, `${one} traces`]),
  String(query.limit ?? 20),
)}
<button>Find</button>
</form>`;
}

type Choice = readonly [value: string, text: string];

function select(label: string, name: string, choices: readonly Choice[], chosen: string): Html {
  const options = choices.map(
    ([value, text]) => html`<option value="${value}"${value === chosen && html` selected`}>${text}</option>`,
  );
  return html`<label>${label}<select name="${name}">${options}</select></label>`;
}

function results(found: readonly Trace[], now: number): Html {
  const longest = Math.max(...found.map(({ duration }) => duration), 1);
  return html`<div class="card results"><table>
<thead><tr><th>Trace</th><th>Services</th><th class="number">Spans</th><th>Duration</th><th>Begun</th></tr></thead>
<tbody>${found.map((trace) => row(trace, longest, now))}</tbody>
</table></div>`;
}

function row(
  { traceId, root, services, spans, duration, start, errors }: Trace,
  longest: number,
  now: number,
): Html {
  const chips = [...services].map(
    ([service, count]) =>
      html`<span class="chip ${colourClass(service)}">${service} <span class="dim">${count}</span></span>`,
  );
  const share = Math.round((duration / longest) * 120);
  return html`<tr>
<td><a class="trace" href="trace/${traceId}">${root.service}: ${root.name}</a><br><span class="id dim">${traceId.slice(0, 7)}</span>${errors > 0 && html` <span class="fail">● ${plural(errors, "error")}</span>`}</td>
<td><div class="services">${chips}</div></td>
<td class="number">${spans.length}</td>
<td>${formatDuration(duration)}<svg class="share" viewBox="0 0 120 4" aria-hidden="true"><rect class="ground" width="120" height="4" rx="2"/><rect class="part" width="${Math.max(2, share)}" height="4" rx="2"/></svg></td>
<td class="when"><time datetime="${new Date(start / 1000).toISOString()}">${ago(now - start / 1000)}</time><br><span class="dim">${timeOfDay(start)}</span></td>
</tr>`;
}

function ago(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 90) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
}

/** UTC, as the logs of proxies have it. */
function timeOfDay(microseconds: number): string {
  return `${new Date(microseconds / 1000).toISOString().slice(11, 23)} UTC`;
}
