import type { Socket } from "node:net";
import type { RequestHead, ResetReason, ResponseSink, UpstreamStream } from "../http/codec.ts";
import { type ChunkedReader, createChunkedReader } from "./chunked.ts";
import {
  defaultHeadLimits,
  invalidCharacters,
  isHeadError,
  lenientHead,
  parseResponseHead,
} from "./parse-head.ts";
import { fieldLines, writeHeadAndBody } from "./write-head.ts";

/** What the owner of a connection (the pool) wants to know. */
export interface ClientConnectionOwner {
  /** The exchange is over and the connection can take the next one. */
  free(): void;
  /** The connection is gone. */
  closed(): void;
  /** The peer answers no PING; the connection goes now. HTTP/2 only. */
  silent(): void;
}

/** An established HTTP/1.1 connection to an upstream host: one exchange at a time. */
export interface Http1ClientConnection {
  start(head: RequestHead, end: boolean, sink: ResponseSink): UpstreamStream;
  readonly busy: boolean;
  /** Exchanges begun on it. */
  readonly requests: number;
  close(): void;
}

/** Speaks HTTP/1.1 on a connected socket, whose events it takes over. */
export function createHttp1Client(socket: Socket, owner: ClientConnectionOwner): Http1ClientConnection {
  let sink: ResponseSink | undefined;
  let phase: "idle" | "head" | "body" | "tunnel" | "closed" = "idle";
  let waiting: Buffer | undefined;
  let remaining = 0;
  let untilClose = false;
  let chunked: ChunkedReader | undefined;
  let keepAlive = true;
  let isHead = false;
  let requestDone = false;
  let requestChunked = false;
  let heldHead: string | undefined;
  let paused = false;
  let requests = 0;

  const stream: UpstreamStream = {
    data: writeData,
    trailers() {
      writeData(empty, true);
    },
    flush() {
      if (heldHead !== undefined && phase !== "closed") sendHeld();
    },
    reset() {
      sink = undefined;
      close();
    },
    pause() {
      paused = true;
      socket.pause();
    },
    resume() {
      if (!paused) return;
      paused = false;
      socket.resume();
    },
  };

  socket.on("data", onData);
  socket.on("drain", () => sink?.drained());
  socket.on("end", () => {
    if (phase === "tunnel") sink?.data(empty, true);
    else onGone("connection termination");
  });
  socket.on("error", () => onGone("connection termination", true));
  socket.on("close", () => onGone("connection termination"));

  return {
    start,
    get busy() {
      return phase !== "idle";
    },
    get requests() {
      return requests;
    },
    close() {
      const interrupted = sink;
      sink = undefined;
      close();
      interrupted?.reset("local reset", "");
    },
  };

  function start(head: RequestHead, end: boolean, to: ResponseSink): UpstreamStream {
    requests++;
    sink = to;
    phase = "head";
    isHead = head.method === "HEAD";
    requestDone = end;
    keepAlive = true;
    let lines = `${head.method} ${head.path} HTTP/1.1\r\nhost: ${head.authority}\r\n${fieldLines(head.headers)}`;
    requestChunked = false;
    if (head.upgrade !== undefined) {
      lines += `connection: Upgrade\r\nupgrade: ${head.upgrade}\r\n`;
      if (head.contentLength !== undefined) lines += `content-length: ${head.contentLength}\r\n`;
    } else if (head.contentLength !== undefined) lines += `content-length: ${head.contentLength}\r\n`;
    else if (end) {
      if (!bodiless.has(head.method)) lines += "content-length: 0\r\n";
    } else {
      requestChunked = true;
      lines += "transfer-encoding: chunked\r\n";
    }
    lines += "\r\n";
    if (end || head.upgrade !== undefined) socket.write(lines, "latin1");
    else heldHead = lines;
    return stream;
  }

  function sendHeld() {
    const head = heldHead ?? "";
    heldHead = undefined;
    return socket.write(head, "latin1");
  }

  function writeData(chunk: Buffer, end: boolean): boolean {
    if (phase === "closed" || phase === "idle") return true;
    if (phase === "tunnel") {
      const flowing = chunk.length === 0 || socket.write(chunk);
      if (end) socket.end();
      return flowing;
    }
    const head = heldHead ?? "";
    heldHead = undefined;
    if (end) requestDone = true;
    if (chunk.length === 0) {
      const tail = end && requestChunked ? `${head}0\r\n\r\n` : head;
      return tail === "" || socket.write(tail, "latin1");
    }
    if (!requestChunked) return head === "" ? socket.write(chunk) : writeHeadAndBody(socket, head, chunk, "");
    return writeHeadAndBody(
      socket,
      `${head}${chunk.length.toString(16)}\r\n`,
      chunk,
      end ? "\r\n0\r\n\r\n" : "\r\n",
    );
  }

  function onData(chunk: Buffer) {
    switch (phase) {
      case "closed":
        return;
      case "idle":
        // An answer that nobody asked for: the next request must not get it.
        return onGone("protocol error");
      case "tunnel":
        sink?.data(chunk, false);
        return;
      case "body":
        consumeBody(chunk, 0);
        return;
      default:
        consumeHead(waiting === undefined ? chunk : Buffer.concat([waiting, chunk]));
    }
  }

  function consumeHead(bytes: Buffer) {
    const end = bytes.indexOf("\r\n\r\n", 0, "latin1");
    let bodyStart = end + 4;
    let response =
      end < 0 ? undefined : parseResponseHead(bytes.toString("latin1", 0, end), defaultHeadLimits);
    if (response === undefined || response === invalidCharacters) {
      const lenient = lenientHead(bytes, 0);
      if (lenient !== undefined) {
        response = parseResponseHead(lenient.text, defaultHeadLimits);
        bodyStart = lenient.end;
      }
    }
    if (response === undefined) {
      if (bytes.length > defaultHeadLimits.maxBytes) return onGone("protocol error");
      waiting = bytes;
      return;
    }
    waiting = undefined;
    if (isHeadError(response)) return onGone("protocol error");
    const { status, headers, framing } = response;
    // These have no body: one that is announced would be taken for the next answer.
    const announces = framing === "chunked" || framing === "length";
    if (announces && (status === 204 || (status < 200 && status !== 101))) return onGone("protocol error");
    if (status < 200 && status !== 101) {
      sink?.informational(status, headers);
      if (bodyStart < bytes.length) consumeHead(bytes.subarray(bodyStart));
      return;
    }
    keepAlive = response.keepAlive;
    const head = { status, headers, contentLength: response.contentLength };
    if (status === 101) {
      phase = "tunnel";
      sink?.head(head, false);
      if (bodyStart < bytes.length) sink?.data(bytes.subarray(bodyStart), false);
      return;
    }
    const noBody = isHead || status === 204 || status === 304;
    if (noBody || response.framing === "none") {
      const to = finish(bodyStart < bytes.length);
      to?.head(head, true);
      return;
    }
    phase = "body";
    untilClose = response.framing === "close";
    chunked = response.framing === "chunked" ? createChunkedReader() : undefined;
    remaining = response.contentLength ?? 0;
    sink?.head(head, false);
    if (bodyStart < bytes.length) consumeBody(bytes, bodyStart);
    else sink?.flush();
  }

  function consumeBody(bytes: Buffer, from: number) {
    if (chunked !== undefined) {
      // The last chunk and the end usually come together; holding one back lets them leave in one write.
      let held: Buffer | undefined;
      const at = chunked.read(bytes, from, (data) => {
        if (held !== undefined) sink?.data(held, false);
        held = data;
      });
      if (at < 0) return onGone("protocol error");
      if (chunked.ended) {
        finish(at < bytes.length)?.data(held ?? empty, true);
        return;
      }
      if (held !== undefined) sink?.data(held, false);
      sink?.flush();
      return;
    }
    if (untilClose) {
      sink?.data(from === 0 ? bytes : bytes.subarray(from), false);
      sink?.flush();
      return;
    }
    const take = Math.min(remaining, bytes.length - from);
    remaining -= take;
    const data = from === 0 && take === bytes.length ? bytes : bytes.subarray(from, from + take);
    if (remaining > 0) {
      sink?.data(data, false);
      sink?.flush();
      return;
    }
    finish(from + take < bytes.length)?.data(data, true);
  }

  /** Ends the exchange and frees the connection, before the last event goes to the sink that is returned. */
  function finish(surplus: boolean): ResponseSink | undefined {
    const to = sink;
    sink = undefined;
    chunked = undefined;
    if (paused) {
      paused = false;
      socket.resume();
    }
    if (!keepAlive || !requestDone || surplus) close();
    else {
      phase = "idle";
      owner.free();
    }
    return to;
  }

  function onGone(why: ResetReason, isAbrupt = false) {
    if (phase === "closed") return;
    const interrupted = sink;
    // Whoever ends inside an answer breaks the protocol; before it he is only gone.
    const isInside = phase === "body" || waiting !== undefined;
    const reason = isInside && why === "connection termination" ? "protocol error" : why;
    const complete = phase === "body" && untilClose && why === "connection termination" && !isAbrupt;
    sink = undefined;
    close();
    if (complete) interrupted?.data(empty, true);
    else interrupted?.reset(reason, "");
  }

  function close() {
    if (phase === "closed") return;
    phase = "closed";
    heldHead = undefined;
    socket.destroy();
    owner.closed();
  }
}

const empty = Buffer.alloc(0);
/** Methods whose servers expect no body, so that a length need not be written. */
const bodiless = new Set(["GET", "HEAD", "DELETE", "TRACE"]);
