import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import type { RequestHead, ResetReason, ResponseSink, UpstreamStream } from "../http/codec.ts";
import type { ClientConnectionOwner } from "../http1/client-connection.ts";
import { fromRawHeaders, toHttp2Headers } from "./header-fields.ts";
import { type PingRules, sendPings } from "./keep-alive.ts";

/** An established HTTP/2 connection to an upstream host. */
export interface Http2ClientConnection {
  start(head: RequestHead, end: boolean, sink: ResponseSink): UpstreamStream;
  readonly spare: number;
  readonly active: number;
  close(): void;
}

/** Streams at once on one connection when the peer allows more. */
const maxStreams = 1000;

/**
 * Speaks HTTP/2 with prior knowledge (or after ALPN) on a connected socket, whose events it takes over. Under `pings`
 * a connection whose peer is silent is closed, and what runs on it is reset.
 */
export function createHttp2Client(
  socket: Socket,
  owner: ClientConnectionOwner,
  pings: PingRules | undefined,
  after: (delay: number, action: () => void) => () => void,
): Http2ClientConnection {
  // A peer that has ended is gone: nothing more could be agreed with it.
  socket.allowHalfOpen = false;
  const session: ClientHttp2Session = connect("http://upstream", {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: 1024 * 1024 },
    maxSessionMemory: 64,
  });
  let active = 0;
  let goingAway = false;
  let closed = false;
  const onClosed = () => {
    if (closed) return;
    closed = true;
    stopPings();
    socket.destroy();
    owner.closed();
  };
  const stopPings =
    pings === undefined
      ? () => {}
      : sendPings(session, socket, pings, after, () => {
          owner.silent();
          session.destroy();
          onClosed();
        });
  session.on("error", onClosed);
  session.on("close", onClosed);
  session.on("goaway", () => {
    goingAway = true;
    if (active === 0) session.close();
  });

  return {
    get spare() {
      if (goingAway || closed) return 0;
      return Math.min(maxStreams, session.remoteSettings?.maxConcurrentStreams ?? 100) - active;
    },
    get active() {
      return active;
    },
    close() {
      session.destroy();
      onClosed();
    },
    start(head, end, sink) {
      active++;
      return startStream(session, head, end, sink, () => {
        active--;
        if (closed) return;
        if (goingAway && active === 0) session.close();
        else owner.free();
      });
    },
  };
}

function startStream(
  session: ClientHttp2Session,
  head: RequestHead,
  end: boolean,
  to: ResponseSink,
  onDone: () => void,
): UpstreamStream {
  let sink: ResponseSink | undefined = to;
  let done = false;
  let responded = false;
  let remoteEnded = false;
  const finish = () => {
    if (done) return;
    done = true;
    onDone();
  };
  const fields: OutgoingHttpHeaders = {
    ":method": head.method,
    ":path": head.path,
    ":scheme": head.scheme,
    ":authority": head.authority,
    ...toHttp2Headers(head.headers),
  };
  if (head.contentLength !== undefined) fields["content-length"] = String(head.contentLength);
  let stream: ClientHttp2Stream;
  try {
    stream = session.request(fields, { endStream: end, waitForTrailers: !end });
  } catch (reason) {
    queueMicrotask(() => {
      finish();
      to.reset("local reset", reason instanceof Error ? reason.message : String(reason));
    });
    return { data: () => true, trailers() {}, flush() {}, reset() {}, pause() {}, resume() {} };
  }
  let requestTrailers: OutgoingHttpHeaders | undefined;
  stream.on("wantTrailers", () => stream.sendTrailers(requestTrailers ?? {}));
  stream.on("headers", (headers, _flags, raw?: readonly string[]) => {
    sink?.informational(Number(headers[":status"]), fromRawHeaders(raw ?? []).headers);
  });
  stream.on("response", (headers, flags, ...rest: unknown[]) => {
    const raw = Array.isArray(rest[0]) ? (rest[0] as string[]) : Object.entries(headers).flat().map(String);
    const { headers: list, contentLength } = fromRawHeaders(raw);
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    remoteEnded = ended;
    responded = true;
    sink?.head({ status: Number(headers[":status"]), headers: list, contentLength }, ended);
    if (ended) sink = undefined;
  });
  let trailers: string[] | undefined;
  stream.on("trailers", (headers, _flags, ...rest: unknown[]) => {
    const raw = Array.isArray(rest[0]) ? (rest[0] as string[]) : Object.entries(headers).flat().map(String);
    trailers = fromRawHeaders(raw).headers;
  });
  stream.on("data", (chunk: Buffer) => {
    sink?.data(chunk, false);
    sink?.flush();
  });
  stream.on("end", () => {
    // The end of a connection that died looks like this too; "close" tells.
    if (!responded || session.destroyed) return;
    remoteEnded = true;
    const last = sink;
    sink = undefined;
    if (trailers !== undefined) last?.trailers(trailers);
    else last?.data(empty, true);
  });
  stream.on("drain", () => sink?.drained());
  stream.on("error", () => {});
  stream.on("close", () => {
    const last = sink;
    sink = undefined;
    finish();
    if (!remoteEnded)
      last?.reset(session.destroyed ? "connection termination" : resetReason(stream.rstCode), "");
  });
  return {
    data(chunk, last) {
      if (stream.destroyed || stream.writableEnded) return true;
      if (!last) return stream.write(chunk);
      stream.end(chunk);
      return true;
    },
    trailers(headers) {
      if (stream.destroyed || stream.writableEnded) return;
      requestTrailers = toHttp2Headers(headers);
      stream.end();
    },
    flush() {},
    reset() {
      sink = undefined;
      stream.close(constants.NGHTTP2_CANCEL);
    },
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
  };
}

function resetReason(code: number): ResetReason {
  if (code === constants.NGHTTP2_REFUSED_STREAM) return "remote refused stream reset";
  if (code === constants.NGHTTP2_NO_ERROR) return "connection termination";
  return "remote reset";
}

const empty = Buffer.alloc(0);
