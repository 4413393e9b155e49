import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/** Frames beyond these are seldom of use. */
const mostFrames = 20;

/**
 * The places of a stack trace that are in this program's sources, innermost first: "src/proxy/start-proxy.ts:12:3".
 * Places in the bundle are looked up in its source map, which is read only now.
 */
export function ownFrames(stack: string): readonly string[] {
  const maps = new Map<string, SourceMap | undefined>();
  const mapOf = (file: string) => {
    if (!maps.has(file)) maps.set(file, readSourceMap(`${file}.map`));
    return maps.get(file);
  };
  return stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, mostFrames)
    .flatMap((line) => {
      const [, where = "", row = "", column = ""] =
        /((?:file:\/\/)?\/[^()]*?):(\d+):(\d+)\)?$/.exec(line) ?? [];
      if (where === "") return [];
      const file = where.startsWith("file:") ? fileURLToPath(where) : where;
      const entry = mapOf(file)?.findEntry(Number(row) - 1, Number(column) - 1);
      if (entry !== undefined && "originalSource" in entry)
        return sourceFrame(entry.originalSource, entry.originalLine + 1, entry.originalColumn + 1);
      return sourceFrame(file, Number(row), Number(column));
    });
}

function sourceFrame(file: string, row: number, column: number): readonly string[] {
  const [, inside] = /(?:^|\/)(src\/.*\.ts)$/.exec(file) ?? [];
  return inside === undefined || file.includes("/node_modules/") ? [] : [`${inside}:${row}:${column}`];
}

function readSourceMap(file: string): SourceMap | undefined {
  try {
    return existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, "utf8"))) : undefined;
  } catch {
    return undefined; // A log line without places is better than none.
  }
}
