import type { LiveRequest } from "../../telemetry/index.ts";
import { type Paint, table } from "../terminal.ts";

/** A request and every decision about it, one below the other. */
export function trailLines({ start, seen, trail }: LiveRequest, paint: Paint): string[] {
  const id = seen.record.requestId === undefined ? "" : `  ${paint.dim(seen.record.requestId)}`;
  const rows = trail.map(({ cluster, by, text, isProblem }) => [
    `  ${cluster}`,
    by,
    isProblem ? paint.bad(text) : text,
  ]);
  return [`${new Date(start).toISOString().slice(11, 23)}${id}`, ...table(rows, 2), ""];
}
