import type { Duplex } from "node:stream";
import { createByteQueue } from "../byte-queue.ts";
import {
  createFrameReader,
  dataHeader,
  type Frame,
  goAwayFrame,
  pingFrame,
  rstStreamFrame,
  synReplyFrame,
} from "./frames.ts";
import { createHeaderCodec, type SpdyHeaders } from "./header-block.ts";

/** One stream that the client opened. */
export interface SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  /** What the client sends; ends when it closes its half, resets the stream or goes away. */
  readonly incoming: AsyncIterable<Uint8Array>;
  /** Aborts when the client resets the stream or the session ends. */
  readonly signal: AbortSignal;
  /** A promise when the client is behind: it resolves when more may be written. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** Closes the server's half. */
  end(): void;
  /** Ends both halves at once. */
  reset(): void;
}

/** The server's side of a SPDY/3.1 session. */
export interface SpdySession {
  /** Resolves when the connection is over, however it ended. */
  readonly closed: Promise<void>;
  /** Aborts when the connection is over. */
  readonly signal: AbortSignal;
  /** Says that no more streams are taken, and closes after all that was written. */
  close(): void;
}

/** Streams of one session; a port-forward opens two for every connection. */
const mostStreams = 4096;
/** Bytes that may wait for the client when writers do not wait for it; beyond, it is given up. */
const mostUnsent = 64 * 1024 * 1024;
const largestData = 0xff_ffff;
const status = { protocolError: 1, refusedStream: 3, cancel: 5 } as const;

/**
 * Serves SPDY/3.1 (draft-mbelshe-httpbis-spdy-00) on a connection that was upgraded to it, in the part that
 * Kubernetes' clients use: streams that the client opens, without flow control of their own. A stream that
 * nobody reads makes the whole session wait, as TCP would. `onStream` is called for every stream opened.
 */
export function serveSpdy(connection: Duplex, onStream: (stream: SpdyStream) => void): SpdySession {
  const codec = createHeaderCodec();
  const frames = createFrameReader();
  const streams = new Map<number, OpenStream>();
  const over = new AbortController();

  const write = (...parts: readonly Uint8Array[]): Promise<void> | undefined => {
    if (over.signal.aborted || connection.writableEnded || connection.destroyed) return undefined;
    if (connection.writableLength > mostUnsent) {
      connection.destroy();
      return undefined;
    }
    let hasRoom = true;
    for (const part of parts) hasRoom = connection.write(part);
    return hasRoom ? undefined : new Promise((resolve) => waiting.add(resolve));
  };
  const waiting = new Set<() => void>();
  const release = () => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  connection.on("drain", release);

  const openStream = async (id: number, headers: Buffer, fin: boolean): Promise<void> => {
    const decoded = await codec.decode(headers);
    if (streams.has(id) || id % 2 === 0) return void write(rstStreamFrame(id, status.protocolError));
    if (streams.size >= mostStreams) return void write(rstStreamFrame(id, status.refusedStream));
    const stream = createStream(id, decoded, write, () => streams.delete(id));
    streams.set(id, stream);
    write(synReplyFrame(id, await codec.encode(new Map())));
    if (fin) stream.closeIncoming();
    onStream(stream.stream);
  };
  const take = async (frame: Frame): Promise<void> => {
    switch (frame.type) {
      case "synStream":
        return openStream(frame.stream, frame.headers, frame.fin);
      case "data": {
        const stream = streams.get(frame.stream);
        if (frame.data.length > 0) await stream?.deliver(frame.data);
        if (frame.fin) stream?.closeIncoming();
        return;
      }
      case "headers":
      case "synReply":
        // Read even when nobody asks: the compression state goes on with every block.
        await codec.decode(frame.headers);
        if (frame.fin) streams.get(frame.stream)?.closeIncoming();
        return;
      case "rstStream":
        return streams.get(frame.stream)?.abandon();
      case "ping":
        // Odd numbers are the client's questions.
        if (frame.id % 2 === 1) write(pingFrame(frame.id));
        return;
      default:
        return;
    }
  };
  const run = async (): Promise<void> => {
    try {
      for await (const chunk of connection as AsyncIterable<Buffer>)
        for (const frame of frames.read(chunk)) await take(frame);
    } catch {
      // A connection that breaks and bytes that are no SPDY end the session alike: there is nobody to tell.
    } finally {
      over.abort(new Error("the client closed the connection"));
      for (const stream of [...streams.values()]) stream.abandon();
      release();
      codec.close();
      connection.destroy();
    }
  };
  connection.on("error", () => connection.destroy());
  connection.on("close", release);
  return {
    closed: run(),
    signal: over.signal,
    close() {
      write(goAwayFrame(Math.max(0, ...streams.keys())));
      connection.end();
    },
  };
}

interface OpenStream {
  readonly stream: SpdyStream;
  deliver(data: Buffer): Promise<void> | undefined;
  closeIncoming(): void;
  abandon(): void;
}

function createStream(
  id: number,
  headers: SpdyHeaders,
  write: (...parts: readonly Uint8Array[]) => Promise<void> | undefined,
  forget: () => void,
): OpenStream {
  const incoming = createByteQueue();
  const gone = new AbortController();
  let isEnded = false;
  let isClosedByClient = false;
  const forgetWhenDone = () => {
    if (isEnded && isClosedByClient) forget();
  };
  const abandon = () => {
    isEnded = true;
    isClosedByClient = true;
    incoming.end();
    gone.abort(new Error("the stream was reset"));
    forget();
  };
  const stream: SpdyStream = {
    id,
    headers,
    incoming,
    signal: gone.signal,
    write(chunk) {
      if (isEnded || chunk.length === 0) return undefined;
      let waits: Promise<void> | undefined;
      for (let at = 0; at < chunk.length; at += largestData) {
        const part = chunk.subarray(at, at + largestData);
        waits = write(dataHeader(id, part.length, false), part);
      }
      return waits;
    },
    end() {
      if (isEnded) return;
      isEnded = true;
      write(dataHeader(id, 0, true));
      forgetWhenDone();
    },
    reset() {
      if (!isEnded || !isClosedByClient) write(rstStreamFrame(id, status.cancel));
      abandon();
    },
  };
  return {
    stream,
    deliver: (data) => incoming.push(data),
    closeIncoming() {
      isClosedByClient = true;
      incoming.end();
      forgetWhenDone();
    },
    abandon,
  };
}
