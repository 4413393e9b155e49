import type { Socket } from "node:net";
import type { RequestHead, RequestSink, ResponseHead, ResponseWriter, StartExchange } from "../http/codec.ts";
import { type ChunkedReader, createChunkedReader } from "./chunked.ts";
import {
  codecError,
  type Framing,
  type HeadError,
  type HeadLimits,
  type Http1Request,
  headersTooLarge,
  invalidCharacters,
  isHeadError,
  lenientHead,
  parseRequestHead,
} from "./parse-head.ts";
import { fieldLines, reasonPhrase, statusLine, writeHeadAndBody } from "./write-head.ts";

export interface Http1ServerOptions {
  readonly limits: HeadLimits;
  readonly acceptHttp10: boolean;
  readonly scheme: "http" | "https";
  /** Milliseconds without a request after which the connection is closed; 0 never. */
  readonly idleTimeout: number;
  readonly startExchange: StartExchange;
  /** True while new requests should go elsewhere: the next answer says "connection: close". */
  isDraining(): boolean;
  /** Lines ("date", "server") for an answer that the codec gives itself. */
  refusalHeaders(): string;
  /** The codec answers itself, with so many bytes: to what never became an exchange, or to the last one's body. */
  onRefusal(refusal: HeadError, bytes: number, isExchange: boolean): void;
  after(delay: number, action: () => void): () => void;
}

/** A served HTTP connection. */
export interface ServerConnection {
  /** Tells the client to go elsewhere: HTTP/1 with the next answer, HTTP/2 at once (GOAWAY). */
  dismiss(): void;
  /** Closes at once when no request runs, else after the running one. */
  drain(): void;
}

/** Bytes of pipelined requests that wait while one is answered; beyond it the socket is not read. */
const maxWaiting = 64 * 1024;

type Phase = "head" | "body" | "answering" | "tunnel" | "closed";

/**
 * Serves HTTP/1.x on a socket: one exchange after the other, pipelined requests wait. `first` are bytes that
 * were already read. Takes over the socket's events.
 */
export function serveHttp1(
  socket: Socket,
  first: Buffer | undefined,
  options: Http1ServerOptions,
): ServerConnection {
  const { limits } = options;
  let phase: Phase = "head";
  let waiting: Buffer | undefined;
  let sink: RequestSink | undefined;
  let framing: Framing = "none";
  let remaining = 0;
  let chunked: ChunkedReader | undefined;
  let readingPaused = false;
  let keepAlive = true;
  let isHead = false;
  let isHttp10 = false;
  let upgradeWanted: string | undefined;
  let requestDone = false;
  /** Head that waits for the first data. */
  let heldHead: string | undefined;
  let responseStarted = false;
  let responseDone = true;
  let responseChunked = false;
  let dismissed = false;
  let draining = false;
  let cancelIdle = armIdle();

  const writer: ResponseWriter = {
    informational(status, headers) {
      if (responseStarted || isHttp10 || phase === "closed") return;
      socket.write(`${statusLine(status)}${fieldLines(headers)}\r\n`, "latin1");
    },
    head: writeHead,
    data: writeData,
    trailers() {
      finishBody(undefined);
    },
    flush() {
      if (heldHead !== undefined) sendHeld();
    },
    reset() {
      if (phase === "closed") return;
      close();
    },
    pause() {
      readingPaused = true;
      socket.pause();
    },
    resume() {
      if (!readingPaused) return;
      readingPaused = false;
      socket.resume();
    },
  };

  socket.on("data", onData);
  socket.on("drain", () => sink?.drained());
  socket.on("end", onEnd);
  socket.on("error", onGone);
  socket.on("close", onGone);
  if (first !== undefined && first.length > 0) onData(first);

  return {
    dismiss() {
      dismissed = true;
    },
    drain() {
      draining = true;
      if (phase === "head" && waiting === undefined) leave();
    },
  };

  function armIdle(): () => void {
    return options.idleTimeout > 0 ? options.after(options.idleTimeout, onIdle) : noop;
  }

  function onIdle() {
    if (phase === "head") close();
  }

  function onData(chunk: Buffer) {
    switch (phase) {
      case "closed":
        return;
      case "tunnel":
        sink?.data(chunk, false);
        return;
      case "answering": {
        waiting = waiting === undefined ? chunk : Buffer.concat([waiting, chunk]);
        if (waiting.length > maxWaiting) socket.pause();
        return;
      }
      case "body":
        consumeBody(chunk, 0);
        return;
      default:
        consumeHead(waiting === undefined ? chunk : Buffer.concat([waiting, chunk]));
    }
  }

  function consumeHead(bytes: Buffer) {
    let start = 0;
    // Empty lines before a request are allowed (RFC 9112 2.2).
    while (bytes[start] === 0x0d && bytes[start + 1] === 0x0a) start += 2;
    let end = bytes.indexOf("\r\n\r\n", start, "latin1");
    let request: Http1Request | HeadError | undefined;
    if (end >= 0) {
      request = parseRequestHead(bytes.toString("latin1", start, end), limits);
      end += 4;
    }
    if (request === undefined || request === invalidCharacters) {
      const lenient = lenientHead(bytes, start);
      if (lenient !== undefined) {
        request = parseRequestHead(lenient.text, limits);
        end = lenient.end;
      }
    }
    if (request === undefined) {
      waiting = start === 0 ? bytes : bytes.subarray(start);
      if (waiting.length > limits.maxBytes) return refuse(headersTooLarge);
      if (waiting.length === 0) waiting = undefined;
      return;
    }
    waiting = undefined;
    if (isHeadError(request)) return refuse(request);
    begin(request, bytes, end);
  }

  function begin(request: Http1Request, bytes: Buffer, bodyStart: number) {
    const head = requestHead(request);
    if (isHeadError(head)) return refuse(head);
    cancelIdle();
    framing = request.framing;
    remaining = request.contentLength ?? 0;
    chunked = framing === "chunked" ? createChunkedReader() : undefined;
    keepAlive = request.keepAlive;
    isHead = request.method === "HEAD";
    isHttp10 = request.version === "HTTP/1.0";
    upgradeWanted = head.upgrade;
    responseStarted = false;
    responseDone = false;
    // What follows an upgrade request is the other protocol's, whatever length was told.
    const hasBody = framing !== "none" && head.upgrade === undefined;
    requestDone = !hasBody && upgradeWanted === undefined;
    phase = requestDone ? "answering" : "body";
    const started = options.startExchange(head, requestDone, writer);
    // The exchange may have been answered and the next one begun before this call came back.
    if (!responseDone || !requestDone) sink = started;
    if (bodyStart < bytes.length) {
      if (requestDone) {
        if (responseDone) consumeNext(bytes.subarray(bodyStart));
        else waiting = bytes.subarray(bodyStart);
        return;
      }
      if (phase === "body") return consumeBody(bytes, bodyStart);
    }
    if (responseDone && requestDone) next();
    else if (!requestDone) sink?.flush();
  }

  /** Goes on with pipelined bytes after the exchange was answered inside startExchange. */
  function consumeNext(bytes: Buffer) {
    waiting = bytes;
    next();
  }

  function requestHead(request: Http1Request): RequestHead | HeadError {
    if (request.version === "HTTP/1.0" && !options.acceptHttp10) {
      return { status: 426, details: "low_version" };
    }
    let { target: path, host: authority } = request;
    let scheme: string = options.scheme;
    if (request.method === "CONNECT") {
      authority = path;
      path = "";
    } else if (path.charCodeAt(0) !== 0x2f && !(path === "*" && request.method === "OPTIONS")) {
      const url = /^(https?):\/\/([^/?#]+)(.*)$/i.exec(path);
      if (url === null) return codecError;
      scheme = (url[1] ?? "http").toLowerCase();
      authority = url[2];
      const rest = url[3] ?? "";
      path = rest.startsWith("/") ? rest : `/${rest}`;
    }
    if (authority !== undefined && !authorityText.test(authority))
      return { status: 400, details: "http.invalid_authority" };
    // HTTP/2 by upgrade is not offered, so the request is served as it is (RFC 9110 7.8). Others are refused.
    const upgrade = request.upgrade === "h2c" || request.version === "HTTP/1.0" ? undefined : request.upgrade;
    if (upgrade !== undefined && request.framing === "chunked") return codecError;
    return {
      method: request.method,
      path,
      authority: authority ?? "",
      hasHost: authority !== undefined,
      scheme,
      headers: request.headers,
      version: request.version,
      upgrade,
      contentLength: request.contentLength,
    };
  }

  function consumeBody(bytes: Buffer, from: number) {
    let at = from;
    if (chunked !== undefined) {
      at = chunked.read(bytes, from, (data) => sink?.data(data, false));
      if (at < 0) return breakOff();
      if (!chunked.ended) {
        sink?.flush();
        return;
      }
      requestDone = true;
      sink?.data(empty, true);
    } else if (upgradeWanted !== undefined) {
      // Bytes behind an upgrade request wait until the server has agreed.
      waiting = waiting === undefined ? bytes.subarray(from) : Buffer.concat([waiting, bytes.subarray(from)]);
      if (waiting.length > maxWaiting) socket.pause();
      return;
    } else {
      const take = Math.min(remaining, bytes.length - from);
      remaining -= take;
      at = from + take;
      requestDone = remaining === 0;
      sink?.data(from === 0 && take === bytes.length ? bytes : bytes.subarray(from, at), requestDone);
      if (!requestDone) {
        sink?.flush();
        return;
      }
    }
    if (phase === "body") phase = "answering";
    if (at < bytes.length) {
      const rest = bytes.subarray(at);
      waiting = waiting === undefined ? rest : Buffer.concat([waiting, rest]);
    }
    if (responseDone) next();
  }

  function writeHead(head: ResponseHead, end: boolean): boolean {
    if (responseStarted || phase === "closed") return true;
    responseStarted = true;
    const { status, headers } = head;
    if (status === 101 && upgradeWanted !== undefined) return switchProtocols(head);
    upgradeWanted = undefined;
    const neverHasBody = status === 204 || status === 304 || status < 200;
    const noBody = isHead || neverHasBody;
    if (!requestDone || head.closes === true || dismissed || draining || options.isDraining())
      keepAlive = false;
    let lines = statusLine(status) + fieldLines(headers);
    responseChunked = false;
    if (head.contentLength !== undefined && status !== 204)
      lines += `content-length: ${head.contentLength}\r\n`;
    else if (!noBody) {
      if (end) lines += "content-length: 0\r\n";
      else if (isHttp10) keepAlive = false;
      else {
        responseChunked = true;
        lines += "transfer-encoding: chunked\r\n";
      }
    } else if (isHead && !neverHasBody && !isHttp10) lines += "transfer-encoding: chunked\r\n";
    if (!keepAlive) lines += "connection: close\r\n";
    else if (isHttp10) lines += "connection: keep-alive\r\n";
    lines += "\r\n";
    if (noBody || end) {
      const flowing = socket.write(lines, "latin1");
      if (end) answered();
      return flowing;
    }
    heldHead = lines;
    return true;
  }

  function switchProtocols(head: ResponseHead): boolean {
    const flowing = socket.write(
      `${statusLine(101)}${fieldLines(head.headers)}connection: Upgrade\r\n\r\n`,
      "latin1",
    );
    phase = "tunnel";
    const early = waiting;
    waiting = undefined;
    if (early !== undefined) sink?.data(early, false);
    socket.resume();
    return flowing;
  }

  function sendHeld() {
    const head = heldHead ?? "";
    heldHead = undefined;
    return socket.write(head, "latin1");
  }

  function writeData(chunk: Buffer, end: boolean): boolean {
    if (phase === "closed" || responseDone) return true;
    if (phase === "tunnel") {
      const flowing = chunk.length === 0 || socket.write(chunk);
      if (end) socket.end();
      return flowing;
    }
    if (isHead) {
      if (end) answered();
      return true;
    }
    if (end) return finishBody(chunk);
    if (chunk.length === 0) return true;
    const head = heldHead ?? "";
    heldHead = undefined;
    if (responseChunked) {
      return writeHeadAndBody(socket, `${head}${chunk.length.toString(16)}\r\n`, chunk, "\r\n");
    }
    return head === "" ? socket.write(chunk) : writeHeadAndBody(socket, head, chunk, "");
  }

  function finishBody(chunk: Buffer | undefined): boolean {
    if (phase === "closed" || responseDone) return true;
    const head = heldHead ?? "";
    heldHead = undefined;
    let flowing = true;
    if (chunk === undefined || chunk.length === 0) {
      const tail = `${head}${responseChunked ? "0\r\n\r\n" : ""}`;
      if (tail !== "") flowing = socket.write(tail, "latin1");
    } else if (responseChunked) {
      flowing = writeHeadAndBody(socket, `${head}${chunk.length.toString(16)}\r\n`, chunk, "\r\n0\r\n\r\n");
    } else flowing = head === "" ? socket.write(chunk) : writeHeadAndBody(socket, head, chunk, "");
    answered();
    return flowing;
  }

  /** The response is out. */
  function answered() {
    responseDone = true;
    if (!requestDone) {
      // What is left of the body could only be guessed at: nobody reads it any more.
      keepAlive = false;
      sink = undefined;
    }
    if (!keepAlive) return finish();
    if (phase === "answering") {
      // Inside startExchange or consumeBody the caller goes on itself.
      if (sink !== undefined) next();
    }
  }

  function next() {
    if (phase === "closed") return;
    sink = undefined;
    phase = "head";
    if (draining || options.isDraining()) {
      if (waiting === undefined) return leave();
    }
    readingPaused = false;
    if (socket.isPaused()) socket.resume();
    cancelIdle = armIdle();
    const rest = waiting;
    waiting = undefined;
    // On a fresh stack: a pipeline of ten thousand requests must not nest.
    if (rest !== undefined && rest.length > 0) {
      waiting = rest;
      queueMicrotask(() => {
        if (phase !== "head" || waiting === undefined) return;
        const bytes = waiting;
        waiting = undefined;
        consumeHead(bytes);
      });
    }
  }

  /** Ends the connection after what was written. */
  function finish() {
    phase = "closed";
    cancelIdle();
    sink = undefined;
    socket.resume();
    socket.end();
    let cancel = noop;
    let left = Number.POSITIVE_INFINITY;
    // A client that neither reads nor closes must not keep the socket; a slow one may read to the end.
    const watch = () => {
      if (socket.writableLength >= left) {
        socket.destroy();
        return;
      }
      left = socket.writableLength;
      cancel = options.after(1000, watch);
    };
    watch();
    socket.once("close", () => cancel());
  }

  /** Ends an idle connection, whose last answer may still be on its way out. */
  function leave() {
    if (socket.writableLength > 0) finish();
    else close();
  }

  function refuse(refusal: HeadError, isExchange = false) {
    const { status } = refusal;
    const text = status === 403 ? "" : reasonPhrase(status);
    const type = text === "" ? "" : "content-type: text/plain\r\n";
    options.onRefusal(refusal, text.length, isExchange);
    waiting = undefined;
    socket.write(
      `${statusLine(status)}content-length: ${text.length}\r\n${type}${options.refusalHeaders()}connection: close\r\n\r\n${text}`,
      "latin1",
    );
    finish();
  }

  /** The request body breaks the rules. */
  function breakOff() {
    const broken = sink;
    sink = undefined;
    if (!responseStarted) {
      responseStarted = true;
      responseDone = true;
      refuse(codecError, true);
    } else close();
    broken?.aborted("protocol");
  }

  function onEnd() {
    onGone();
  }

  function onGone() {
    if (phase === "closed") {
      socket.destroy();
      return;
    }
    const gone = sink;
    close();
    gone?.aborted("disconnect");
  }

  function close() {
    phase = "closed";
    cancelIdle();
    sink = undefined;
    heldHead = undefined;
    socket.destroy();
  }
}

const empty = Buffer.alloc(0);
const noop = () => {};
/** Characters of a host and port, and of user information. */
const authorityText = /^[A-Za-z0-9._~!$&'()*+,;=:%@\-[\]]*$/;
