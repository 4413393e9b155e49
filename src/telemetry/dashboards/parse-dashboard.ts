/** A dashboard of Grafana's JSON model, as far as it is drawn. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  /** How long before now it begins, in milliseconds. */
  readonly range: number;
  /** Seconds after which the page loads itself again; undefined: never. */
  readonly refresh: number | undefined;
  readonly variables: readonly Variable[];
  readonly panels: readonly Panel[];
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly kind: "query" | "custom" | "constant" | "textbox" | "interval" | "datasource";
  readonly isHidden: boolean;
  /** Of "query": label_values(...), query_result(...) or an expression. */
  readonly query: string;
  /** Part of each result that is an option. */
  readonly regex: string;
  /** Options of those that are not asked for. */
  readonly options: readonly string[];
  /** Chosen unless the URL says otherwise. */
  readonly current: readonly string[];
  readonly isMultiple: boolean;
  readonly allValue: string | undefined;
}

export interface Panel {
  readonly kind: "row" | "text" | "chart" | "number" | "table";
  readonly title: string;
  /** Markdown of a text panel. */
  readonly text: string;
  readonly targets: readonly { readonly expression: string; readonly legend: string }[];
  readonly unit: string;
  /** Columns of 24, and rows. */
  readonly place: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

type Json = Readonly<Record<string, unknown>>;

/** Longest list that is read: nobody looks at more. */
const mostPanels = 200;

/** Reads a dashboard as Grafana exports it, or as its API takes it ({dashboard: ...}). Undefined when it is none. */
export function parseDashboard(given: unknown): Dashboard | undefined {
  const json = asObject(asObject(given)["dashboard"] ?? given);
  const { title } = json;
  if (typeof title !== "string" || !Array.isArray(json["panels"])) return undefined;
  const uid = text(json["uid"]) || title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return {
    uid,
    title,
    range: rangeOf(text(asObject(json["time"])["from"])) ?? 15 * 60_000,
    refresh: secondsOf(text(json["refresh"])),
    variables: list(asObject(json["templating"])["list"]).map(variableOf),
    panels: list(json["panels"])
      // A row that is folded up holds its panels.
      .flatMap((panel) => [panel, ...list(panel["panels"])])
      .slice(0, mostPanels)
      .map(panelOf),
  };
}

const variableKinds = new Set(["query", "custom", "constant", "textbox", "interval", "datasource"]);

function variableOf(json: Json): Variable {
  const name = text(json["name"]);
  const query = json["query"];
  const kind = text(json["type"]);
  const written = typeof query === "string" ? query : text(asObject(query)["query"]);
  const current = asObject(json["current"])["value"];
  const values = (Array.isArray(current) ? current : [current]).flatMap((value) => text(value) || []);
  return {
    name,
    label: text(json["label"]) || name,
    kind: (variableKinds.has(kind) ? kind : "textbox") as Variable["kind"],
    isHidden: json["hide"] === 2,
    query: written,
    regex: text(json["regex"]),
    options: kind === "custom" || kind === "interval" ? written.split(",").map((one) => one.trim()) : [],
    current: values.length > 0 ? values : kind === "constant" || kind === "textbox" ? [written] : [],
    isMultiple: json["multi"] === true || json["includeAll"] === true,
    allValue: json["includeAll"] === true ? text(json["allValue"]) || ".*" : undefined,
  };
}

function panelOf(json: Json): Panel {
  const type = text(json["type"]);
  const place = asObject(json["gridPos"]);
  const number = (value: unknown, fallback: number) => (typeof value === "number" ? value : fallback);
  const defaults = asObject(asObject(json["fieldConfig"])["defaults"]);
  const [axis] = list(json["yaxes"]);
  return {
    kind: panelKinds[type] ?? "chart",
    title: text(json["title"]),
    text: text(asObject(json["options"])["content"]) || text(json["content"]),
    targets: list(json["targets"])
      .filter((target) => target["hide"] !== true && text(target["expr"]) !== "")
      .map((target) => ({ expression: text(target["expr"]), legend: text(target["legendFormat"]) })),
    unit: text(defaults["unit"]) || text(axis?.["format"]) || "short",
    place: {
      x: number(place["x"], 0),
      y: number(place["y"], 0),
      width: Math.min(24, Math.max(1, number(place["w"], 12))),
      height: Math.max(1, number(place["h"], 8)),
    },
  };
}

const panelKinds: Readonly<Record<string, Panel["kind"]>> = {
  row: "row",
  text: "text",
  stat: "number",
  singlestat: "number",
  gauge: "number",
  bargauge: "number",
  table: "table",
  "table-old": "table",
};

/** Milliseconds of "now-5m". */
function rangeOf(from: string): number | undefined {
  const [, relative] = /^now-(\w+)$/.exec(from) ?? [];
  const seconds = secondsOf(relative ?? "");
  return seconds === undefined ? undefined : seconds * 1000;
}

function secondsOf(duration: string): number | undefined {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(duration) ?? [];
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }[unit ?? ""];
  return seconds === undefined || count === "0" ? undefined : Number(count) * seconds;
}

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(asObject) : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}
