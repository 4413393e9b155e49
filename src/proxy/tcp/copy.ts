import type { Socket } from "node:net";

/** Why copying ended; one side breaking off is told apart where it did so with a reset. */
export type CopyEnd = "done" | "broken" | "reset by b" | "idle";

export interface CopyOptions {
  /** Milliseconds without a byte either way after which both are closed; 0 never. */
  readonly idleTimeout: number;
  after(delay: number, action: () => void): () => void;
  /** Called once, when both sockets are closed or about to be. */
  ended(fromA: number, fromB: number, because: CopyEnd): void;
}

/**
 * Copies bytes between two sockets with back-pressure. The end of one direction is passed on and the other goes
 * on (half-close). An error on either side ends both. The result says how many bytes have come from each so far.
 */
export function copyBothWays(
  a: Socket,
  b: Socket,
  options: CopyOptions,
): () => { readonly fromA: number; readonly fromB: number } {
  let fromA = 0;
  let fromB = 0;
  let ends = 0;
  let over = false;
  let active = false;
  let cancelIdle = options.idleTimeout > 0 ? options.after(options.idleTimeout, onIdle) : noop;

  a.on("data", (chunk: Buffer) => {
    fromA += chunk.length;
    active = true;
    if (!b.write(chunk)) a.pause();
  });
  b.on("data", (chunk: Buffer) => {
    fromB += chunk.length;
    active = true;
    if (!a.write(chunk)) b.pause();
  });
  a.on("drain", () => b.resume());
  b.on("drain", () => a.resume());
  a.on("end", () => {
    b.end();
    half();
  });
  b.on("end", () => {
    a.end();
    half();
  });
  a.on("error", onBroken);
  b.on("error", (reason: NodeJS.ErrnoException) =>
    finish(reason.code === "ECONNRESET" ? "reset by b" : "broken"),
  );
  a.on("close", onBroken);
  b.on("close", onBroken);
  a.resume();
  b.resume();
  return () => ({ fromA, fromB });

  function half() {
    if (++ends === 2) finish("done");
  }

  function onBroken() {
    finish(ends === 2 ? "done" : "broken");
  }

  function onIdle() {
    // Bytes only set a flag: a timer is touched once a period, not once a packet.
    if (!active) return finish("idle");
    active = false;
    cancelIdle = options.after(options.idleTimeout, onIdle);
  }

  function finish(because: CopyEnd) {
    if (over) return;
    over = true;
    cancelIdle();
    // After a clean end the last bytes may still be on their way out: `end` was called, the sockets close themselves.
    if (because !== "done") {
      a.destroy();
      b.destroy();
    }
    options.ended(fromA, fromB, because);
  }
}

const noop = () => {};
