import type { RawData, WebSocket } from "ws";
import { createExecSession, type ExecChannels, type ExecHandler, type ExecOptions } from "./exec-session.ts";

/** Channels of Kubernetes' remote command protocols over WebSocket: the first byte of every message. */
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;
/** v5 only: the next byte names a channel of which the client closes its half. */
const closeChannel = 255;

/** Protocols that are spoken, best first. v5 is v4 with half-close. */
export const execProtocols: readonly string[] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/** Bytes that may wait for a slow client before the command is asked to wait. */
const room = 1024 * 1024;
/** Bytes that may wait for a client when the command does not wait; beyond, the client is given up. */
const most = 64 * room;

/** Runs one exec or attach session over an open WebSocket. Resolves when it is over. */
export async function execOverWebSocket(
  webSocket: WebSocket,
  options: ExecOptions,
  handler: ExecHandler,
): Promise<void> {
  const session = createExecSession(options);
  const gone = new AbortController();
  const closed = new Promise<void>((resolve) => {
    webSocket.once("close", () => {
      gone.abort(new Error("the client closed the connection"));
      session.input.end();
      resolve();
    });
  });
  webSocket.on("error", () => webSocket.terminate());
  webSocket.on("message", (data) => {
    const message = bytesOf(data);
    const [channel, closes] = message;
    if (channel === channels.stdin) {
      const full = session.input.stdin.push(message.subarray(1));
      if (full === undefined) return;
      webSocket.pause();
      void full.then(() => webSocket.resume());
    } else if (channel === channels.resize) session.input.resize(message.subarray(1).toString());
    else if (channel === closeChannel && closes === channels.stdin) session.input.stdin.end();
  });

  const send = (channel: number, chunk: Uint8Array): Promise<void> | undefined => {
    if (webSocket.readyState !== webSocket.OPEN) return undefined;
    if (webSocket.bufferedAmount > most) {
      webSocket.terminate();
      return undefined;
    }
    const message = Buffer.allocUnsafe(chunk.length + 1);
    message[0] = channel;
    message.set(chunk, 1);
    if (webSocket.bufferedAmount + message.length < room) {
      webSocket.send(message);
      return undefined;
    }
    return new Promise((resolve) => webSocket.send(message, () => resolve()));
  };
  const out: ExecChannels = {
    signal: gone.signal,
    write: (channel, chunk) => (chunk.length === 0 ? undefined : send(channels[channel], chunk)),
    finish(status) {
      void send(channels.error, Buffer.from(JSON.stringify(status)));
      webSocket.close(1000);
    },
  };
  await session.run(handler, out);
  await closed;
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
