import type { Socket } from "node:net";
import type { Destination } from "../contracts.ts";
import { type ClientHello, maxHelloBytes, readClientHello } from "./client-hello.ts";
import type { CompiledListener } from "./compile-listener.ts";
import { guessHttp } from "./http-inspector.ts";
import { readProxyHeader } from "./proxy-protocol.ts";

/** What the listener filters found out. */
export interface Inspected {
  readonly transport: "tls" | "raw_buffer";
  readonly hello: ClientHello | undefined;
  readonly protocols: readonly string[];
  /** From a PROXY header. */
  readonly source: Destination | undefined;
  readonly destination: Destination | undefined;
  /** Bytes read so far; the socket is paused and does not have them any more. */
  readonly first: Buffer | undefined;
}

/**
 * Reads as many first bytes as the listener's filters need, never more than a bounded ClientHello or request
 * line, and says what they show. Calls back once, or never when the client leaves or the filters' time is over
 * and the listener does not go on then.
 */
export function inspect(
  socket: Socket,
  listener: CompiledListener,
  port: number,
  after: (delay: number, action: () => void) => () => void,
  onResult: (result: Inspected) => void,
): void {
  const looksForTls = listener.inspectsTls(port);
  const looksForHttp = listener.inspectsHttp(port);
  if (!looksForTls && !looksForHttp && !listener.readsProxyHeader) {
    onResult(nothing);
    return;
  }
  let bytes: Buffer | undefined;
  let source: Destination | undefined;
  let destination: Destination | undefined;
  let headerRead = !listener.readsProxyHeader;
  let cancelTimer = () => {};

  const leave = () => {
    cancelTimer();
    socket.off("data", onData);
    socket.off("end", onGone);
    socket.off("error", onGone);
    socket.off("close", onGone);
  };
  const done = (found: Pick<Inspected, "transport" | "hello" | "protocols">) => {
    leave();
    socket.pause();
    onResult({ ...found, source, destination, first: bytes });
  };
  const onGone = () => {
    leave();
    socket.on("error", () => {});
    socket.destroy();
  };
  const onData = (chunk: Buffer) => {
    bytes = bytes === undefined ? chunk : Buffer.concat([bytes, chunk]);
    if (!headerRead) {
      const header = readProxyHeader(bytes);
      if (header === "more") return;
      if (header === undefined) return onGone();
      headerRead = true;
      source = header.source;
      destination = header.destination;
      bytes = header.length === bytes.length ? undefined : bytes.subarray(header.length);
      if (!looksForTls && !looksForHttp) return done(plain);
      if (bytes === undefined) return;
    }
    look(bytes);
  };
  const look = (seen: Buffer) => {
    if (looksForTls) {
      const result = readClientHello(seen);
      if (result.kind === "more") return;
      if (result.kind === "hello") {
        return done({ transport: "tls", hello: result.hello, protocols: result.hello.alpn });
      }
    }
    if (!looksForHttp) return done(plain);
    const guess = guessHttp(seen);
    if (guess === "more" && seen.length < maxHelloBytes) return;
    if (guess === "other" || guess === "more") return done(plain);
    done({ ...plain, protocols: [guess] });
  };
  if (listener.inspectTimeout > 0) {
    cancelTimer = after(listener.inspectTimeout, () => {
      if (listener.continuesOnTimeout) done(plain);
      else onGone();
    });
  }
  socket.on("data", onData);
  socket.on("end", onGone);
  socket.on("error", onGone);
  socket.on("close", onGone);
}

const plain = { transport: "raw_buffer", hello: undefined, protocols: [] } as const;
const nothing: Inspected = { ...plain, source: undefined, destination: undefined, first: undefined };
