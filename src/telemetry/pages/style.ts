/** Colours of services, in light and in dark; each readable on its ground. */
const colours = [
  ["#3767b5", "#80abf3"],
  ["#8d4a93", "#e7a3ec"],
  ["#7d2800", "#d98a5c"],
  ["#4b7420", "#b0d985"],
  ["#622a78", "#b98ad0"],
  ["#0f7272", "#6fd0d0"],
  ["#9a5b00", "#e6b25c"],
  ["#a3305c", "#f08fb4"],
  ["#46566b", "#a9b8cc"],
  ["#2f6f4f", "#7fcfa4"],
] as const;

const deepest = 24;

/** The style sheet of the pages. */
export const style = `
:root { color-scheme: light dark; --bg: #fafaf8; --surface: #fff; --sunken: #f4f4f1; --line: #e8e7e3; --ink: #17181a; --ink2: #54575d; --ink3: #6c6f76; --fail: #c42b2b; --failbg: #fcecea; --focus: #2f6bff; --button: #17181a; --button-ink: #fff;
${colours.map(([light], i) => `--k${i}: ${light};`).join(" ")} }
@media (prefers-color-scheme: dark) { :root { --bg: #0e0f11; --surface: #16171a; --sunken: #121316; --line: #25272b; --ink: #edeef0; --ink2: #a9adb4; --ink3: #888c94; --fail: #ff7070; --failbg: #301819; --focus: #7fa6ff; --button: #edeef0; --button-ink: #121315;
${colours.map(([, dark], i) => `--k${i}: ${dark};`).join(" ")} } }
${colours.map((_, i) => `.k${i} { --service: var(--k${i}) }`).join("\n")}
* { box-sizing: border-box }
body { margin: 0; padding: 24px; background: var(--bg); color: var(--ink); font: 13px/20px Inter, system-ui, -apple-system, "Segoe UI", sans-serif; font-feature-settings: "tnum" }
main, header { max-width: 1280px; margin: 0 auto }
a { color: inherit; text-decoration: none }
a:hover { text-decoration: underline }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px }
h1 { margin: 0; font-size: 15px; font-weight: 600; overflow-wrap: anywhere }
header { display: flex; align-items: baseline; gap: 12px; flex-wrap: wrap; margin-bottom: 16px }
header p { margin: 0; color: var(--ink2) }
header nav { margin-left: auto; display: flex; gap: 16px; color: var(--ink2) }
code, .id { font-family: ui-monospace, "JetBrains Mono", Menlo, Consolas, monospace; font-size: 12px }
.dim { color: var(--ink3) }
.fail { color: var(--fail); font-weight: 560; white-space: nowrap }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 10px }
.chip { display: inline-flex; align-items: center; gap: 6px; white-space: nowrap }
.chip::before { content: ""; width: 9px; height: 9px; border-radius: 3px; background: var(--service) }
form { display: grid; grid-template-columns: repeat(auto-fit, minmax(126px, 1fr)); gap: 12px; padding: 16px; margin-bottom: 16px; align-items: end }
label { display: grid; gap: 4px; font-size: 12px; color: var(--ink2) }
label.wide { grid-column: span 2 }
input, select, button { font: inherit; color: inherit; height: 32px; padding: 0 8px; border: 1px solid var(--line); border-radius: 7px; background: var(--bg); min-width: 0; width: 100% }
button { background: var(--button); color: var(--button-ink); border-color: transparent; font-weight: 560; cursor: pointer }
.problem { margin: 0 0 16px; padding: 12px 16px; border-radius: 10px; background: var(--failbg); color: var(--fail) }
.empty { padding: 48px 24px; text-align: center; color: var(--ink2) }
.empty p { margin: 0 0 8px }
.results { overflow-x: auto }
table { width: 100%; border-collapse: collapse }
th { text-align: left; font-size: 11px; line-height: 16px; font-weight: 500; color: var(--ink3); padding: 10px 12px; border-bottom: 1px solid var(--line); white-space: nowrap }
td { padding: 9px 12px; border-bottom: 1px solid var(--line); vertical-align: top }
tr:last-child td { border-bottom: 0 }
td.number, th.number { text-align: right; white-space: nowrap }
td.when { white-space: nowrap }
td .services { display: flex; flex-wrap: wrap; gap: 2px 14px }
td a.trace { display: block; min-width: 380px; font-weight: 560; overflow-wrap: anywhere }
label.expression { grid-column: span 5 }
label.expression input { font-family: ui-monospace, "JetBrains Mono", Menlo, Consolas, monospace }
.panels { display: grid; grid-template-columns: repeat(6, 1fr); gap: 12px }
.panels > h2.wide { grid-column: 1 / -1; margin: 12px 0 0; font-size: 13px }
.panels .panel { margin: 0; min-width: 0 }
.panels .panel h2 { margin: 0 0 8px; font-size: 12px; font-weight: 560; color: var(--ink2) }
${[1, 2, 3, 4, 5, 6].map((n) => `.w${n} { grid-column: span ${n} }`).join(" ")}
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 12px; margin-top: 8px }
p.value { margin: 0; font-size: 22px; line-height: 32px; font-weight: 560 }
.panel { padding: 12px; margin-bottom: 16px }
svg.chart { display: block; width: 100%; height: auto }
svg.chart .grid { stroke: var(--line); stroke-width: 1 }
svg.chart .axis { fill: var(--ink3); font-size: 11px }
svg.chart path.line { fill: none; stroke: var(--service); stroke-width: 1.5; stroke-linejoin: round }
svg.share { display: block; width: 120px; height: 4px; margin-top: 4px }
svg.share rect.ground { fill: var(--line) }
svg.share rect.part { fill: var(--ink3) }
.facts { display: flex; flex-wrap: wrap; gap: 8px 32px; padding: 12px 16px; margin: 0 0 16px }
.facts div { display: grid }
.facts dt { font-size: 11px; line-height: 16px; color: var(--ink3) }
.facts dd { margin: 0; font-weight: 560 }
.waterfall { overflow-x: auto }
.waterfall > div { min-width: 820px }
.row, .ruler { display: grid; grid-template-columns: minmax(280px, 38%) 1fr 84px; align-items: center; gap: 12px; padding: 0 16px }
.ruler { font-size: 11px; color: var(--ink3); border-bottom: 1px solid var(--line); height: 32px }
.ruler .ticks { display: flex; justify-content: space-between }
details { border-bottom: 1px solid var(--line) }
details:last-child { border-bottom: 0 }
summary { list-style: none; cursor: pointer; min-height: 34px }
summary::-webkit-details-marker { display: none }
summary:hover { background: var(--sunken) }
.what { display: flex; gap: 8px; align-items: baseline; min-width: 0; padding: 7px 0 }
.what .chip { font-weight: 560; flex: none }
.what .operation { color: var(--ink2); overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
svg.span { display: block; width: 100%; height: 12px }
svg.span .line { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke }
svg.span .bar { fill: var(--service) }
.took { text-align: right; white-space: nowrap }
.about { padding: 4px 16px 16px 40px; display: grid; gap: 12px; background: var(--sunken) }
.about h2 { margin: 8px 0 0; font-size: 11px; line-height: 16px; font-weight: 500; color: var(--ink3) }
.about dl { margin: 0; display: grid; grid-template-columns: minmax(140px, max-content) 1fr; gap: 2px 16px }
.about dt { color: var(--ink3) }
.about dd { margin: 0; overflow-wrap: anywhere }
${Array.from({ length: deepest }, (_, i) => `.d${i} { padding-left: ${i * 16}px }`).join("\n")}
@media (max-width: 720px) { .panels > * { grid-column: 1 / -1 } body { padding: 12px } label.wide { grid-column: auto } }
`.trimStart();

/** Class for what is `depth` levels below the root. */
export function depthClass(depth: number): string {
  return `d${Math.min(depth, deepest - 1)}`;
}
