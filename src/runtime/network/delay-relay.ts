import { randomBytes } from "node:crypto";
import { createServer, type Socket } from "node:net";
import type { Clock, Stop } from "../../base/index.ts";
import type { Destination } from "../contracts.ts";
import { type ConnectFailure, connectLater, reset } from "./sockets.ts";

/** Makes connections slow: they pass a listener of this process that holds every byte for a while. */
export interface DelayRelay {
  /**
   * A socket like one of `open()`'s, but with every step `delayMs` later: connecting takes two delays (there and
   * back), each byte one. Its remote address is the relay's.
   */
  dial(to: Destination, delayMs: number, open: () => Socket): Socket;
  readonly stop: Stop;
}

/** Most bytes on their way in one direction of one connection. */
const mostBytesHeld = 1 << 20;
const tagBytes = 16;

/** Starts the relay's listener on 127.0.0.1. Connections that don't begin with a tag it gave out are reset. */
export async function startDelayRelay(clock: Clock): Promise<DelayRelay> {
  const expected = new Map<string, { readonly onward: Socket; readonly delayMs: number }>();
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    const onReadable = () => {
      const tag: Buffer | null = socket.read(tagBytes);
      if (tag === null) return;
      socket.off("readable", onReadable);
      const entry = expected.get(tag.toString("hex"));
      expected.delete(tag.toString("hex"));
      if (entry === undefined) return reset(socket);
      delayed(socket, entry.onward, entry.delayMs, clock);
      delayed(entry.onward, socket, entry.delayMs, clock);
    };
    socket.on("readable", onReadable);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const via = {
    address: "127.0.0.1",
    port: typeof address === "object" && address !== null ? address.port : 0,
  };
  return {
    dial(to, delayMs, openOnward) {
      const tag = randomBytes(tagBytes);
      let onward: Socket | undefined;
      const socket = connectLater(to, via, (done) => {
        clock.after(2 * delayMs, () => {
          if (socket.destroyed) return;
          const next = openOnward();
          onward = next;
          next.allowHalfOpen = true;
          open.add(next);
          next.once("close", () => open.delete(next));
          const onError = (error: NodeJS.ErrnoException) =>
            done((error.code ?? "ECONNREFUSED") as ConnectFailure);
          next.once("error", onError);
          next.once("connect", () => {
            next.off("error", onError);
            next.on("error", () => {});
            expected.set(tag.toString("hex"), { onward: next, delayMs });
            done();
          });
        });
      });
      socket.write(tag);
      socket.once("close", () => {
        if (expected.delete(tag.toString("hex")) || onward?.connecting === true) onward?.destroy();
      });
      return socket;
    },
    async stop() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Leads `from`'s bytes to `to`, each `delayMs` after it was read. */
function delayed(from: Socket, to: Socket, delayMs: number, clock: Clock): void {
  let held = 0;
  from.on("data", (chunk) => {
    held += chunk.length;
    if (held > mostBytesHeld) from.pause();
    clock.after(delayMs, () => {
      held -= chunk.length;
      const next = () => held <= mostBytesHeld && from.resume();
      if (to.destroyed || to.write(chunk)) next();
      else to.once("drain", next);
    });
  });
  from.once("end", () => clock.after(delayMs, () => to.end()));
  from.on("error", () => clock.after(delayMs, () => reset(to)));
  from.once("close", () =>
    clock.after(delayMs, () => (from.readableEnded ? to.destroySoon() : to.destroy())),
  );
}
