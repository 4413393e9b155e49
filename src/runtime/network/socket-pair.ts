import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Destination } from "../contracts.ts";

/**
 * Two ends of a connection inside this process: what is written to one is read from the other, without a copy and
 * without the kernel. Both behave as a connected net.Socket does: back-pressure, half-close, reset, addresses. The
 * first is the caller's (its remote address is `server`), the second the server's.
 */
export function createSocketPair(client: Destination, server: Destination): readonly [Socket, Socket] {
  const a = createEnd(client, server);
  const b = createEnd(server, client);
  a.attach(b);
  b.attach(a);
  return [a.socket, b.socket];
}

interface End {
  readonly socket: Socket;
  attach(peer: End): void;
  /** Takes a chunk from the peer; `done` runs when the reader wants more. Null ends. */
  take(chunk: Uint8Array | null, done: () => void): void;
  /** The peer is gone: in good order, or with a reset. */
  leave(isReset: boolean): void;
}

function createEnd(local: Destination, remote: Destination): End {
  let peer: End | undefined;
  let waiting: (() => void) | undefined;
  let isPeerGone = false;
  let isReset = false;
  let bytesRead = 0;
  let bytesWritten = 0;
  let timeout = 0;
  let timer: NodeJS.Timeout | undefined;

  const touch = () => {
    if (timeout > 0) timer?.refresh();
  };
  const duplex = new Duplex({
    allowHalfOpen: false,
    read() {
      const done = waiting;
      waiting = undefined;
      done?.();
    },
    write(chunk: Uint8Array, _encoding, callback) {
      touch();
      if (isPeerGone) return callback(broken("EPIPE", "write"));
      bytesWritten += chunk.length;
      peer?.take(chunk, callback);
    },
    final(callback) {
      if (!isPeerGone) peer?.take(null, () => {});
      callback();
    },
    destroy(error, callback) {
      clearTimeout(timer);
      const done = waiting;
      waiting = undefined;
      done?.();
      // The peer learns of it in a later turn, as over a wire.
      if (!isPeerGone) setImmediate(() => peer?.leave(isReset || error !== null));
      callback(error);
    },
  });

  const socket = Object.assign(duplex, {
    setNoDelay: () => socket,
    setKeepAlive: () => socket,
    ref: () => socket,
    unref: () => socket,
    address: () => ({ address: local.address, family: "IPv4", port: local.port }),
    setTimeout(milliseconds: number, listener?: () => void) {
      clearTimeout(timer);
      timeout = milliseconds;
      if (listener !== undefined) socket.once("timeout", listener);
      if (milliseconds > 0) timer = setTimeout(() => socket.emit("timeout"), milliseconds).unref();
      return socket;
    },
    destroySoon() {
      if (duplex.writable) duplex.end();
      if (duplex.writableFinished) duplex.destroy();
      else duplex.once("finish", () => duplex.destroy());
    },
    resetAndDestroy() {
      isReset = true;
      duplex.destroy();
      return socket;
    },
    connecting: false,
    pending: false,
    localAddress: local.address,
    localPort: local.port,
    localFamily: "IPv4",
    remoteAddress: remote.address,
    remotePort: remote.port,
    remoteFamily: "IPv4",
  }) as unknown as Socket; // Everything of net.Socket that makes sense after connecting is there.
  Object.defineProperties(socket, {
    bytesRead: { get: () => bytesRead },
    bytesWritten: { get: () => bytesWritten },
    timeout: { get: () => timeout },
    readyState: { get: () => (duplex.destroyed ? "closed" : duplex.writable ? "open" : "readOnly") },
  });

  return {
    socket,
    attach(other) {
      peer = other;
    },
    take(chunk, done) {
      if (duplex.destroyed) return done();
      touch();
      if (chunk !== null) bytesRead += chunk.length;
      if (duplex.push(chunk) || chunk === null) done();
      else waiting = done;
    },
    leave(wasReset) {
      if (isPeerGone || duplex.destroyed) return;
      isPeerGone = true;
      if (wasReset) duplex.destroy(broken("ECONNRESET", "read"));
      else if (!duplex.readableEnded) duplex.push(null);
    },
  };
}

function broken(code: "EPIPE" | "ECONNRESET", syscall: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${syscall} ${code}`);
  return Object.assign(error, { code, errno: code === "EPIPE" ? -32 : -104, syscall });
}
