import type { Line } from "../promql/run-query.ts";
import { type Html, html } from "./html.ts";
import { colourClass } from "./page.ts";

export interface ChartOptions {
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  /** How a value is written at the axis. */
  format(value: number): string;
  /** Name of a line. */
  nameOf(line: Line): string;
  readonly width?: number;
  readonly height?: number;
}

const margin = { left: 56, right: 8, top: 8, bottom: 20 } as const;
/** Lines that one chart draws. */
const maxLines = 50;
/** Samples further apart than this many steps have nothing between them. */
const gapSteps = 3;

/** Lines over time, drawn without a script; what each is stands in its title. */
export function lineChart(lines: readonly Line[], options: ChartOptions): Html {
  const { start, end, width = 720, height = 200 } = options;
  const drawn = lines.slice(0, maxLines);
  const values = drawn.flatMap((line) => line.values.filter(Number.isFinite));
  const ticks = niceTicks(Math.min(0, ...values), Math.max(...values, Number.MIN_VALUE));
  const [low = 0, high = 1] = [ticks[0], ticks.at(-1)];
  const x = (time: number) =>
    margin.left + ((time - start) / Math.max(1, end - start)) * (width - margin.left - margin.right);
  const y = (value: number) =>
    height - margin.bottom - ((value - low) / (high - low || 1)) * (height - margin.top - margin.bottom);
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${drawn.map(options.nameOf).join(", ")}">
${ticks.map(
  (tick) =>
    html`<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${round(y(tick))}" y2="${round(y(tick))}"/><text class="axis" text-anchor="end" x="${margin.left - 6}" y="${round(y(tick) + 4)}">${options.format(tick)}</text>`,
)}
${[0, 0.25, 0.5, 0.75, 1].map((part) => {
  const time = start + part * (end - start);
  return html`<text class="axis" text-anchor="${part === 0 ? "start" : part === 1 ? "end" : "middle"}" x="${round(x(time))}" y="${height - 4}">${timeOfDay(time)}</text>`;
})}
${drawn.map((line) => {
  const name = options.nameOf(line);
  return html`<path class="line ${colourClass(name)}" d="${pathOf(line, x, y)}"><title>${name}</title></path>`;
})}
</svg>`;
}

function pathOf({ times, values }: Line, x: (time: number) => number, y: (value: number) => number): string {
  const step = Math.min(...times.slice(1).map((time, i) => time - (times[i] ?? time)));
  let path = "";
  let isOpen = false;
  for (const [i, time] of times.entries()) {
    const value = values[i] ?? Number.NaN;
    const before = times[i - 1];
    if (!Number.isFinite(value) || (before !== undefined && time - before > step * gapSteps)) isOpen = false;
    if (!Number.isFinite(value)) continue;
    path += `${isOpen ? "L" : "M"}${round(x(time))} ${round(y(value))}`;
    isOpen = true;
  }
  return path;
}

/** Four to six round numbers that span the two. */
function niceTicks(low: number, high: number): number[] {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** UTC, as the logs of proxies have it. */
function timeOfDay(time: number): string {
  return new Date(time).toISOString().slice(11, 19);
}
