/** Where a command prints: results to stdout, progress and warnings to stderr. */
export interface Terminal {
  /** A line of the result. */
  print(text: string): void;
  /** A line of progress or a warning. */
  note(text: string): void;
  /** Replaces the live lines at the bottom of the terminal; nothing where stderr is no terminal. */
  live(lines: readonly string[]): void;
  readonly isInteractive: boolean;
  readonly paint: Paint;
}

/** Colours mark only state; plain text where the output is no terminal or NO_COLOR is set. */
export interface Paint {
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

/** The process' own terminal. */
export function processTerminal(): Terminal {
  const isInteractive = process.stderr.isTTY === true;
  const colours =
    process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined && process.env["TERM"] !== "dumb";
  let liveLines = 0;
  const clearLive = () => {
    if (liveLines > 0) process.stderr.write(`\x1b[${liveLines}A\x1b[0J`);
    liveLines = 0;
  };
  return {
    print(text) {
      clearLive();
      process.stdout.write(`${text}\n`);
    },
    note(text) {
      clearLive();
      process.stderr.write(`${text}\n`);
    },
    live(lines) {
      if (!isInteractive) return;
      clearLive();
      for (const line of lines)
        process.stderr.write(`${line.slice(0, (process.stderr.columns ?? 80) - 1)}\n`);
      liveLines = lines.length;
    },
    isInteractive,
    paint: {
      good: (text) => (colours ? `\x1b[32m${text}\x1b[39m` : text),
      warn: (text) => (colours ? `\x1b[33m${text}\x1b[39m` : text),
      bad: (text) => (colours ? `\x1b[31m${text}\x1b[39m` : text),
      dim: (text) => (colours ? `\x1b[2m${text}\x1b[22m` : text),
      bold: (text) => (colours ? `\x1b[1m${text}\x1b[22m` : text),
    },
  };
}

/** Blanks between the columns of tables that have istioctl's form. */
export const columnGap = 5;

const ansi = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** Rows in aligned columns, two or more spaces apart, no rules; trailing blanks cut. */
export function table(rows: readonly (readonly string[])[], gap = 3): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, width(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => cell + " ".repeat((widths[i] ?? 0) - width(cell) + gap))
      .join("")
      .trimEnd(),
  );
}

function width(text: string): number {
  return text.replace(ansi, "").length;
}

/** "0.41 s", "3 m", "2 h", "10 y" of milliseconds. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(2) : Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} m`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  const days = seconds / 86400;
  return days < 730 ? `${Math.round(days)} d` : `${Math.round(days / 365)} y`;
}
