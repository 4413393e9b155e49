import type { Socket } from "node:net";
import { defaultHeadLimits, isHeadError, parseResponseHead } from "../http1/parse-head.ts";

export interface TunnelOutcome {
  /** `socket` is paused; from here on it carries the tunnel's bytes, also those that came with the answer. */
  opened(): void;
  /** The socket is destroyed. `detail` says what the proxy answered. */
  refused(detail: string): void;
}

/**
 * Asks the HTTP/1.1 proxy at the other end of `socket` for a tunnel to `authority` ("host:port") by CONNECT
 * (RFC 9110 9.3.6): any 2xx opens it, and the body that such an answer announces is to be ignored. Exactly one
 * callback is called, once. The returned function gives up; then none is called any more.
 */
export function openTunnel(socket: Socket, authority: string, outcome: TunnelOutcome): () => void {
  let waiting = Buffer.alloc(0);
  const detach = () => {
    socket.off("data", onData);
    socket.off("end", onEnd);
    socket.off("close", onEnd);
  };
  const refuse = (detail: string) => {
    detach();
    socket.destroy();
    outcome.refused(detail);
  };
  const onEnd = () => refuse("the proxy closed the connection before it answered CONNECT");
  const onData = (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk]);
    const end = waiting.indexOf("\r\n\r\n", 0, "latin1");
    if (end < 0) {
      if (waiting.length > defaultHeadLimits.maxBytes) refuse("headers too large");
      return;
    }
    const response = parseResponseHead(waiting.toString("latin1", 0, end), defaultHeadLimits);
    const rest = waiting.subarray(end + 4);
    if (isHeadError(response)) return refuse("the proxy answered CONNECT with what is no HTTP/1.1");
    const { status } = response;
    if (status >= 100 && status < 200 && status !== 101) {
      waiting = Buffer.alloc(0);
      if (rest.length > 0) onData(rest);
      return;
    }
    if (status < 200 || status > 299) return refuse(`the proxy answered CONNECT with ${status}`);
    detach();
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    outcome.opened();
  };
  socket.on("data", onData);
  socket.on("end", onEnd);
  socket.on("close", onEnd);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`, "latin1");
  return () => {
    detach();
    socket.destroy();
  };
}
