/** Types of Prometheus' text format; "untyped" for what has none. */
export type MetricType = "counter" | "gauge" | "histogram" | "summary" | "untyped";

type Labels = Readonly<Record<string, string>>;

/** One metric of a page, and its values by their labels. */
export interface MetricRows {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Histograms have a suffix before each row's labels. */
  readonly rows: readonly (
    | readonly [labels: Labels, value: number]
    | readonly [suffix: string, labels: Labels, value: number]
  )[];
}

/** A page of Prometheus' text format, version 0.0.4. Families without rows are left out. */
export function formatMetricsPage(families: readonly MetricRows[]): string {
  return families
    .filter(({ rows }) => rows.length > 0)
    .map(({ name, help, type, rows }) => {
      const lines = rows.map((row) => {
        const [suffix, labels, value] = row.length === 3 ? row : ["", ...row];
        return `${name}${suffix}${formatLabelSet(labels)} ${formatValue(value)}\n`;
      });
      return `# HELP ${name} ${help.replace(/[\\\n]/g, escaped)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
    })
    .join("");
}

function formatLabelSet(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\\n"]/g, escaped)}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}

function formatValue(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}
