import type { SourceRange } from "../../base/index.ts";

/** A text that the user wrote: a file, or one `--set`. */
export interface Source {
  /** How diagnostics call it: the path as the user gave it, or "--set". */
  readonly file: string;
  readonly text: string;
  /** Offset at which every line begins; the first is 0. */
  readonly lineStarts: readonly number[];
}

/** A stretch of a source by offsets; `end` is exclusive. */
export interface Place {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** `text` with its lines counted. */
export function createSource(file: string, text: string): Source {
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  return { file, text, lineStarts };
}

/** Where `place` stands in lines and columns. What goes over several lines is marked on its first line only. */
export function rangeOf(place: Place): SourceRange {
  const { source, start, end } = place;
  const index = lineIndex(source.lineStarts, start);
  const from = source.lineStarts[index] ?? 0;
  const text = lineText(source, index);
  const column = Math.min(start - from, text.length) + 1;
  const endColumn = Math.max(column + 1, Math.min(end - from, text.trimEnd().length) + 1);
  const before = index === 0 ? undefined : lineText(source, index - 1);
  return {
    file: source.file,
    line: index + 1,
    column,
    endColumn,
    text,
    ...(before === undefined || before.trim() === "" ? {} : { before }),
  };
}

/** Index of the line that holds `offset`, by bisection. */
function lineIndex(lineStarts: readonly number[], offset: number): number {
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The line without its end. Control characters become "?", so that showing it can't steer a terminal. */
function lineText(source: Source, index: number): string {
  const next = source.lineStarts[index + 1];
  const line = source.text.slice(source.lineStarts[index] ?? 0, next === undefined ? undefined : next - 1);
  return line
    .replace(/\r$/, "")
    .replaceAll("\t", " ")
    .replace(/\p{Cc}/gu, "?");
}
