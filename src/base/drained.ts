import type { Writable } from "node:stream";

/**
 * Resolves when `stream` takes more again: at once unless it is behind with what was written, and also when it is gone. For
 * writers that would otherwise fill the memory.
 */
export function drained(stream: Writable): Promise<void> {
  if (!stream.writableNeedDrain || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}
