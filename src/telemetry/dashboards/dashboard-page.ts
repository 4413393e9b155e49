import { type Html, html } from "../pages/html.ts";
import { lineChart } from "../pages/line-chart.ts";
import { colourClass } from "../pages/page.ts";
import { PromqlError } from "../promql/expression.ts";
import { type Line, runRangeQuery } from "../promql/run-query.ts";
import { formatLabels } from "../store/labels.ts";
import { all, type Choice, type ChoiceContext } from "./choose-values.ts";
import { formatUnit } from "./format-unit.ts";
import type { Dashboard, Panel } from "./parse-dashboard.ts";
import { legendOf, stepOf, substitute } from "./substitute.ts";

const ranges = ["5m", "15m", "30m", "1h"];
/** Lines that a legend or a table names. */
const mostLines = 100;

/** A dashboard, drawn as it is now. */
export function dashboardPage(
  dashboard: Dashboard,
  choices: readonly Choice[],
  range: string,
  context: ChoiceContext,
): Html {
  const shown = choices.filter(({ variable }) => !variable.isHidden && variable.kind !== "constant");
  const panels = [...dashboard.panels].sort((a, b) => a.place.y - b.place.y || a.place.x - b.place.x);
  return html`<header><h1>${dashboard.title}</h1><nav><a href="../">All dashboards</a></nav></header>
<main>
<form class="card" method="get">
${shown.map(variableField)}
<label>Time<select name="range">${ranges.map(
    (one) => html`<option value="${one}"${one === range && html` selected`}>the last ${one}</option>`,
  )}</select></label>
<button>Show</button>
</form>
<div class="panels">${panels.map((panel) => panelCard(panel, choices, context))}</div>
</main>`;
}

function variableField({ variable, options, chosen }: Choice): Html {
  const name = `var-${variable.name}`;
  if (variable.kind === "textbox")
    return html`<label>${variable.label}<input name="${name}" value="${chosen[0] ?? ""}"></label>`;
  const values = [...new Set([...(variable.allValue === undefined ? [] : [all]), ...options, ...chosen])];
  return html`<label>${variable.label}<select name="${name}">${values.map(
    (value) =>
      html`<option value="${value}"${chosen.includes(value) && html` selected`}>${value === all ? "All" : value}</option>`,
  )}</select></label>`;
}

function panelCard(panel: Panel, choices: readonly Choice[], context: ChoiceContext): Html {
  const title = substitute(panel.title, choices, context);
  if (panel.kind === "row") return html`<h2 class="wide">${title}</h2>`;
  const width = `w${Math.max(2, Math.round(panel.place.width / 4))}`;
  return html`<section class="card panel ${width}"><h2>${title}</h2>${panelBody(panel, choices, context)}</section>`;
}

function panelBody(panel: Panel, choices: readonly Choice[], context: ChoiceContext): Html {
  if (panel.kind === "text") return html`<p>${panel.text}</p>`;
  try {
    const lines = linesOf(panel, choices, context);
    if (lines.length === 0) return html`<p class="dim">no data</p>`;
    switch (panel.kind) {
      case "number":
        return html`${lines
          .slice(0, mostLines)
          .map(
            ({ name, line }) =>
              html`<p class="value">${formatUnit(lastOf(line), panel.unit)} ${lines.length > 1 && html`<span class="dim">${name}</span>`}</p>`,
          )}`;
      case "table":
        return html`<table><tbody>${lines
          .slice(0, mostLines)
          .map(
            ({ name, line }) =>
              html`<tr><td>${name}</td><td class="number">${formatUnit(lastOf(line), panel.unit)}</td></tr>`,
          )}</tbody></table>`;
      default:
        return chart(lines, panel, context);
    }
  } catch (reason) {
    if (!(reason instanceof PromqlError)) throw reason;
    return html`<p class="problem" role="alert">${reason.message}</p>`;
  }
}

interface NamedLine {
  readonly name: string;
  readonly line: Line;
}

/** What a panel's targets give, in their order. Throws PromqlError. */
export function linesOf(
  panel: Panel,
  choices: readonly Choice[],
  context: ChoiceContext,
): readonly NamedLine[] {
  const step = stepOf(context) * 1000;
  // Steps that stay where they are from load to load do not make a chart tremble.
  const moments = { start: Math.floor(context.from / step) * step, end: context.to, step };
  return panel.targets.flatMap(({ expression, legend }) =>
    runRangeQuery(substitute(expression, choices, context), moments, context.store.select).map((line) => ({
      name: legendOf(substitute(legend, choices, context), line.labels, formatLabels(line.labels)),
      line,
    })),
  );
}

function chart(lines: readonly NamedLine[], { unit }: Panel, { from, to }: ChoiceContext): Html {
  const names = new Map(lines.map(({ name, line }) => [line, name]));
  const drawn = lineChart(
    lines.map(({ line }) => line),
    {
      start: from,
      end: to,
      format: (value) => formatUnit(value, unit),
      nameOf: (line) => names.get(line) ?? "",
      width: 620,
      height: 220,
    },
  );
  const legend = lines
    .slice(0, mostLines)
    .map(
      ({ name, line }) =>
        html`<span class="chip ${colourClass(name)}">${name} <span class="dim">${formatUnit(lastOf(line), unit)}</span></span>`,
    );
  return html`${drawn}<div class="legend">${legend}</div>`;
}

function lastOf({ values }: Line): number {
  return values.at(-1) ?? Number.NaN;
}
