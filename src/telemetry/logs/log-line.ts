import { StringDecoder } from "node:string_decoder";

/** One line that a container wrote. */
export interface LogLine {
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** When it was written, in milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

/** A line as the Kubernetes API gives it with timestamps. */
export interface StampedLine {
  /** RFC 3339 with nine digits of fraction, so that stamps can be compared as texts. */
  readonly stamp: string;
  readonly text: string;
}

/** Longer lines are cut: whoever writes without newlines must not hold memory. */
const longestLine = 1024 * 1024;

/** The lines of a log with timestamps that comes in pieces. What has no timestamp is left out. */
export async function* stampedLines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<StampedLine> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.write(Buffer.from(chunk))).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield* stamped(line);
    if (rest.length <= longestLine) continue;
    yield* stamped(rest);
    rest = "";
  }
  yield* stamped(rest);
}

function* stamped(line: string): Iterable<StampedLine> {
  const [whole, time, fraction = ""] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ?/.exec(line) ?? [];
  if (whole === undefined) return;
  yield {
    stamp: `${time}.${fraction.padEnd(9, "0")}Z`,
    text: line.slice(whole.length, whole.length + longestLine).replace(/\r$/, ""),
  };
}
