import { constants, performServerHandshake, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { RequestHead, RequestSink, ResponseWriter, StartExchange } from "../http/codec.ts";
import { type Headers, joinedHeader } from "../http/headers.ts";
import type { ServerConnection } from "../http1/server-connection.ts";
import { fromRawHeaders, toHttp2Headers } from "./header-fields.ts";

export interface Http2ServerOptions {
  readonly maxConcurrentStreams: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  readonly idleTimeout: number;
  readonly startExchange: StartExchange;
  onProtocolError(detail: string): void;
  after(delay: number, action: () => void): () => void;
}

/** Serves HTTP/2 on a socket whose first bytes (the preface) wait in its read buffer. Takes over its events. */
export function serveHttp2(socket: Socket, options: Http2ServerOptions): ServerConnection {
  // A client that has ended is gone: nothing more could be agreed with it.
  socket.allowHalfOpen = false;
  const session = performServerHandshake(socket, {
    settings: {
      maxConcurrentStreams: options.maxConcurrentStreams,
      initialWindowSize: 1024 * 1024,
      maxHeaderListSize: options.maxHeaderBytes,
    },
    maxHeaderListPairs: options.maxHeaderCount + 4,
    maxSessionMemory: 64,
  });
  let running = 0;
  let cancelIdle = armIdle();
  session.on("error", (reason) => options.onProtocolError(reason.message));
  session.on("close", () => {
    cancelIdle();
    socket.destroy();
  });
  session.on("stream", (stream: ServerHttp2Stream, headers, flags, ...rest: unknown[]) => {
    running++;
    cancelIdle();
    stream.once("close", () => {
      running--;
      if (running === 0) cancelIdle = armIdle();
    });
    const raw = Array.isArray(rest[0]) ? (rest[0] as string[]) : Object.entries(headers).flat().map(String);
    serveStream(stream, raw, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0, options);
  });
  // GOAWAY; streams that run may end, a connection without any is closed.
  const goAway = () => session.close();
  return { dismiss: goAway, drain: goAway };

  function armIdle(): () => void {
    return options.idleTimeout > 0 ? options.after(options.idleTimeout, () => session.close()) : () => {};
  }
}

function serveStream(
  stream: ServerHttp2Stream,
  raw: readonly string[],
  end: boolean,
  options: Http2ServerOptions,
): void {
  let sink: RequestSink | undefined;
  let requestEnded = end;
  let responseEnded = false;
  stream.on("error", () => {});
  const { headers, pseudo, contentLength } = fromRawHeaders(raw);
  const method = pseudo[":method"];
  const path = pseudo[":path"];
  const authority = pseudo[":authority"] ?? joinedHeader(headers, "host");
  if (method === undefined || path === undefined || authority === undefined || method === "CONNECT") {
    stream.respond({ ":status": 400 }, { endStream: true });
    return;
  }
  // Cookies may come in pieces (RFC 9113 8.2.3).
  const cookies = joinCookies(headers);
  const head: RequestHead = {
    method,
    path,
    authority,
    hasHost: true,
    scheme: pseudo[":scheme"] ?? "http",
    headers: cookies.filter((_, index) => cookies[index - (index % 2)] !== "host"),
    version: "HTTP/2",
    upgrade: undefined,
    contentLength: end ? undefined : contentLength,
  };
  const writer: ResponseWriter = {
    informational(status, fields) {
      if (!stream.headersSent && !stream.destroyed)
        stream.additionalHeaders({ ":status": status, ...toHttp2Headers(fields) });
    },
    head(answer, last) {
      if (stream.headersSent || stream.destroyed) return true;
      responseEnded = last;
      stream.respond(
        {
          ":status": answer.status,
          ...toHttp2Headers(answer.headers),
          ...(answer.contentLength === undefined ? {} : { "content-length": String(answer.contentLength) }),
        },
        { endStream: last, waitForTrailers: !last },
      );
      return true;
    },
    data(chunk, last) {
      if (stream.destroyed || responseEnded) return true;
      if (!last) return stream.write(chunk);
      responseEnded = true;
      trailers ??= {};
      stream.end(chunk);
      return true;
    },
    trailers(fields) {
      if (stream.destroyed || responseEnded) return;
      responseEnded = true;
      trailers = toHttp2Headers(fields);
      stream.end();
    },
    flush() {},
    reset() {
      responseEnded = true;
      if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    },
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
  };
  let trailers: ReturnType<typeof toHttp2Headers> | undefined;
  stream.on("wantTrailers", () => {
    stream.sendTrailers(trailers ?? {});
  });
  sink = options.startExchange(head, end, writer);
  if (!end) {
    stream.on("data", (chunk: Buffer) => {
      sink?.data(chunk, false);
      sink?.flush();
    });
    let requestTrailers: Headers | undefined;
    stream.on("trailers", (fields, _flags, ...rest: unknown[]) => {
      const list = Array.isArray(rest[0]) ? (rest[0] as string[]) : Object.entries(fields).flat().map(String);
      requestTrailers = fromRawHeaders(list).headers;
    });
    stream.on("end", () => {
      if (requestEnded) return;
      requestEnded = true;
      if (requestTrailers === undefined) sink?.data(empty, true);
      else sink?.trailers(requestTrailers);
    });
  }
  stream.on("drain", () => sink?.drained());
  stream.on("close", () => {
    const gone = sink;
    sink = undefined;
    if (!responseEnded || stream.rstCode !== constants.NGHTTP2_NO_ERROR) gone?.aborted("disconnect");
  });
}

function joinCookies(headers: readonly string[]): string[] {
  const joined = joinedHeader([...headers], "cookie");
  if (joined === undefined || !joined.includes(",")) return [...headers];
  const out: string[] = [];
  const parts: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === "cookie") parts.push(headers[i + 1] ?? "");
    else out.push(headers[i] ?? "", headers[i + 1] ?? "");
  }
  out.push("cookie", parts.join("; "));
  return out;
}

const empty = Buffer.alloc(0);
