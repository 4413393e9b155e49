import { all, type Choice } from "./choose-values.ts";

/** Milliseconds since 1970. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** How often targets are scraped at least, in seconds: a rate needs four of them. */
const scrapeSeconds = 15;
const points = 240;

/** Seconds between two points of a panel that covers the range. */
export function stepOf({ from, to }: Range): number {
  return Math.max(1, Math.ceil((to - from) / 1000 / points));
}

/** Puts values in the place of $name, ${name}, ${name:format} and [[name]], Grafana's own variables included. */
export function substitute(text: string, choices: readonly Choice[], range: Range): string {
  const step = stepOf(range);
  const seconds = Math.round((range.to - range.from) / 1000);
  const own: Readonly<Record<string, string>> = {
    __interval: `${step}s`,
    __interval_ms: String(step * 1000),
    __rate_interval: `${Math.max(step + scrapeSeconds, 4 * scrapeSeconds)}s`,
    __range: `${seconds}s`,
    __range_s: String(seconds),
    __range_ms: String(seconds * 1000),
  };
  return text.replace(
    /\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]/g,
    (whole, plain?: string, braced?: string, format?: string, old?: string, oldFormat?: string) => {
      const name = plain ?? braced ?? old ?? "";
      const known = own[name];
      if (known !== undefined) return known;
      const choice = choices.find(({ variable }) => variable.name === name);
      return choice === undefined ? whole : textOf(choice, format ?? oldFormat);
    },
  );
}

function textOf({ variable, options, chosen }: Choice, format: string | undefined): string {
  const isAll = chosen.some((value) => value === all || value === "All");
  if (isAll && variable.allValue !== undefined) return variable.allValue;
  const values = isAll ? options : chosen;
  switch (format) {
    case "raw":
    case "csv":
      return values.join(",");
    case "pipe":
      return values.join("|");
    default: {
      // Of several values a matcher takes any; one that may be several is a regular expression all the same.
      if (!variable.isMultiple && format !== "regex") return values[0] ?? "";
      const escaped = values.map((value) => value.replace(/[\\^$.*+?()[\]{}|]/g, "\\\\$&"));
      return escaped.length === 1 ? (escaped[0] ?? "") : `(${escaped.join("|")})`;
    }
  }
}

/** A line's name by its legend format; all its labels without one. */
export function legendOf(format: string, labels: Readonly<Record<string, string>>, fallback: string): string {
  if (format === "" || format === "__auto") return fallback;
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => labels[name] ?? "");
}
