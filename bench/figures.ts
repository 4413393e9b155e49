/** Value below which the share `part` (0 to 1) of the values lies; NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** The middle value; NaN of none. */
export const median = (values: readonly number[]) => quantile(values, 0.5);

/** How many times better `ours` is than `theirs`, as "3.2 ×"; less than 1 is worse. */
export function ratio(ours: number, theirs: number, better: "lower" | "higher" = "lower"): string {
  const value = better === "lower" ? theirs / ours : ours / theirs;
  if (!Number.isFinite(value)) return "–";
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(value >= 1 ? 1 : 2)} ×`;
}

/** A number with as many digits as mean something. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2);
}

/** Lines of a table: columns as wide as their widest cell, the first one to the left, the others to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const cells of rows)
    for (const [i, cell] of cells.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((cells) =>
    `  ${cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")}`.trimEnd(),
  );
}
