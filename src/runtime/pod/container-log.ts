import { type Clock, createSignal, type Signal } from "../../base/index.ts";
import type { LogOptions } from "../contracts.ts";

/** One line, or a piece of a line that is longer than `longestPiece`. */
interface Entry {
  readonly time: number;
  readonly content: Buffer;
  /** False for all but the last piece of a long line, and for output that has not ended its line yet. */
  readonly endsLine: boolean;
}

/** The output of one run of a container: the newest lines, bounded in number and bytes. */
export interface ContainerLog {
  /** Output as programs write it; lines are put together per stream. */
  write(stream: "stdout" | "stderr", chunk: Uint8Array): void;
  /** Appends a whole line. */
  line(text: string): void;
  /** No more output comes; followers end. */
  close(): void;
  /** What `kubectl logs` shows, in chunks. With `follow` until the log is closed or `signal` aborts. */
  read(options: LogOptions, signal: AbortSignal): AsyncIterable<Buffer>;
  /** Calls `listener` with every chunk as it is written, until `signal` aborts. */
  tap(listener: (stream: "stdout" | "stderr", chunk: Uint8Array) => void, signal: AbortSignal): void;
}

export interface LogBounds {
  readonly lines: number;
  readonly bytes: number;
}

const defaultBounds: LogBounds = { lines: 20_000, bytes: 10 * 1024 * 1024 };

/** Container runtimes cut lines at 16 KiB, so one writer without newlines can't hold memory. */
const longestPiece = 16 * 1024;

/** Followers get the log in pieces of about this size. */
const chunkSize = 64 * 1024;

export function createContainerLog(clock: Clock, bounds: LogBounds = defaultBounds): ContainerLog {
  let entries: Entry[] = [];
  /** Index in `entries` of the oldest entry that still counts; the array is cut now and then, not at each line. */
  let head = 0;
  /** Number of entries ever dropped: `first` + position from head is an entry's number. */
  let first = 0;
  let bytes = 0;
  let closed = false;
  const rest = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  const changes = createSignal();
  const taps = new Set<(stream: "stdout" | "stderr", chunk: Uint8Array) => void>();

  const append = (content: Buffer, endsLine: boolean) => {
    entries.push({ time: clock.now(), content, endsLine });
    bytes += content.length;
    while (entries.length - head > bounds.lines || (bytes > bounds.bytes && entries.length - head > 1)) {
      bytes -= entries[head]?.content.length ?? 0;
      head++;
      first++;
    }
    if (head > 1024 && head > entries.length / 2) {
      entries = entries.slice(head);
      head = 0;
    }
  };
  const appendPieces = (line: Buffer) => {
    let from = 0;
    for (; line.length - from > longestPiece; from += longestPiece)
      append(line.subarray(from, from + longestPiece), false);
    append(line.subarray(from), true);
  };
  const write = (stream: "stdout" | "stderr", chunk: Uint8Array) => {
    if (closed || chunk.length === 0) return;
    for (const tap of taps) tap(stream, chunk);
    let text = Buffer.concat([rest[stream], chunk]);
    for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10)) {
      appendPieces(text.subarray(0, end));
      text = text.subarray(end + 1);
    }
    while (text.length > longestPiece) {
      append(text.subarray(0, longestPiece), false);
      text = text.subarray(longestPiece);
    }
    // A copy, so that a short rest doesn't hold a large chunk.
    rest[stream] = Buffer.from(text);
    changes.notify();
  };

  return {
    write,
    line: (text) => write("stdout", Buffer.from(`${text}\n`)),
    close() {
      if (closed) return;
      for (const stream of ["stdout", "stderr"] as const) {
        if (rest[stream].length > 0) append(rest[stream], false);
        rest[stream] = Buffer.alloc(0);
      }
      closed = true;
      changes.notify();
    },
    async *read(options, signal) {
      const { follow = false, timestamps = false, tailLines, limitBytes } = options;
      const since = sinceTime(options, clock);
      let left = limitBytes ?? Infinity;
      let next = first;
      if (tailLines !== undefined) next += startOfTail(entries, head, tailLines);
      let startsLine = true;
      for (;;) {
        const changed = follow && !closed ? nextChange(changes, signal) : undefined;
        let batch: Buffer[] = [];
        let size = 0;
        next = Math.max(next, first);
        while (next - first < entries.length - head && left > 0) {
          const entry = entries[head + next - first];
          next++;
          if (entry === undefined || entry.time < since) continue;
          const shown = limited(render(entry, timestamps && startsLine), left);
          startsLine = entry.endsLine;
          left -= shown.length;
          size += shown.length;
          batch.push(shown);
          if (size >= chunkSize) {
            yield Buffer.concat(batch);
            batch = [];
            size = 0;
            next = Math.max(next, first);
          }
        }
        if (size > 0) yield Buffer.concat(batch);
        if (left <= 0 || changed === undefined || signal.aborted) return;
        await changed;
      }
    },
    tap(listener, signal) {
      if (signal.aborted) return;
      taps.add(listener);
      signal.addEventListener("abort", () => taps.delete(listener), { once: true });
    },
  };
}

function sinceTime({ sinceSeconds, sinceTime }: LogOptions, clock: Clock): number {
  if (sinceSeconds !== undefined) return clock.now() - sinceSeconds * 1000;
  const time = sinceTime === undefined ? Number.NaN : Date.parse(sinceTime);
  return Number.isNaN(time) ? -Infinity : time;
}

/** How many entries after `head` the last `lines` lines begin. */
function startOfTail(entries: readonly Entry[], head: number, lines: number): number {
  let index = entries.length;
  let missing = Math.max(0, lines);
  while (index > head) {
    const startsLine = index - 1 === head || entries[index - 2]?.endsLine === true;
    if (missing === 0) break;
    index--;
    if (startsLine) missing--;
  }
  return index - head;
}

function render({ time, content, endsLine }: Entry, withTime: boolean): Buffer {
  const stamp = withTime ? Buffer.from(`${new Date(time).toISOString().slice(0, -1)}000000Z `) : empty;
  return Buffer.concat([stamp, content, endsLine ? newline : empty]);
}

function limited(content: Buffer, most: number): Buffer {
  return content.length > most ? content.subarray(0, most) : content;
}

const empty = Buffer.alloc(0);
const newline = Buffer.from("\n");

function nextChange(changes: Signal, signal: AbortSignal): Promise<void> {
  const once = new AbortController();
  return new Promise<void>((resolve) => {
    changes.subscribe(resolve, once.signal);
    signal.addEventListener("abort", () => resolve(), { once: true, signal: once.signal });
  }).finally(() => once.abort());
}
