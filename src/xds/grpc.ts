import type { ClientHttp2Session, ClientHttp2Stream, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import type { Readable } from "node:stream";
import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { drained } from "../base/index.ts";

/** gRPC status codes that isthmus sends or looks at (grpc/status.proto). */
export const grpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** A call that ended with a status other than OK. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Largest message accepted from a peer, in bytes. A snapshot of 1,000 services is about 3 MB. */
export const maxMessageBytes = 64 * 1024 * 1024;

/** Metadata of a call: lower-case names. */
export type GrpcMetadata = Readonly<Record<string, string>>;

/**
 * One side of a bidirectional stream of binary messages. `messages` ends when the peer ends its side and
 * throws GrpcError when the call failed. `send` returns false while the peer reads too slowly; `drained`
 * then resolves when it has caught up. Sending after the end does nothing.
 */
export interface GrpcStream {
  readonly messages: AsyncIterable<Uint8Array>;
  send(message: Uint8Array): boolean;
  drained(): Promise<void>;
  /** Ends our side; a server gives the status, OK when absent. */
  end(status?: GrpcError): void;
}

/** A call as a server sees it. */
export interface GrpcCall extends GrpcStream {
  readonly metadata: GrpcMetadata;
  /** Aborts when the peer or the connection goes away, or after `end`. */
  readonly signal: AbortSignal;
  /** Address of the caller, without the port. */
  readonly peerAddress: string;
  /** The underlying session's socket is TLS with a verified client certificate: its URI SANs. Else empty. */
  readonly peerIdentities: readonly string[];
}

/** Handlers by full method name, for example "/istio.v1.auth.IstioCertificateService/CreateCertificate". */
export type GrpcHandlers = Readonly<Record<string, (call: GrpcCall) => Promise<void>>>;

/**
 * Answers the gRPC request on `stream`, which came with `headers`. A handler that returns ends the call
 * with OK; one that throws GrpcError ends it with that status, anything else with INTERNAL.
 */
export function serveGrpc(
  stream: ServerHttp2Stream,
  headers: Readonly<Record<string, unknown>>,
  handlers: GrpcHandlers,
  peer: { readonly address: string; readonly identities: readonly string[] },
  onFailure: (reason: unknown) => void,
): void {
  const method = String(headers[":path"] ?? "");
  const handler = handlers[method];
  const abort = new AbortController();
  let ended = false;
  let sentHeaders = false;
  stream.on("error", () => abort.abort());
  stream.on("close", () => abort.abort());
  stream.on("aborted", () => abort.abort());
  const respond = () => {
    if (sentHeaders) return;
    sentHeaders = true;
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  };
  let status: GrpcError | undefined;
  stream.on("wantTrailers", () => stream.sendTrailers(trailers(status)));
  const end = (reason?: GrpcError) => {
    if (ended || stream.destroyed) return;
    ended = true;
    status = reason;
    if (sentHeaders) stream.end();
    else
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", ...trailers(reason) },
        { endStream: true },
      );
  };
  if (handler === undefined) {
    end(new GrpcError(grpcStatus.unimplemented, `unknown method ${method}`));
    return;
  }
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (!name.startsWith(":")) metadata[name] = String(value);
  const call: GrpcCall = {
    metadata,
    signal: abort.signal,
    peerAddress: peer.address,
    peerIdentities: peer.identities,
    messages: readMessages(stream),
    send(message) {
      if (ended || stream.destroyed) return true;
      respond();
      return stream.write(frame(message));
    },
    drained: () => drained(stream),
    end,
  };
  handler(call).then(
    () => end(),
    (reason: unknown) => {
      if (!(reason instanceof GrpcError) && !abort.signal.aborted) onFailure(reason);
      end(reason instanceof GrpcError ? reason : new GrpcError(grpcStatus.internal, String(reason)));
    },
  );
}

/** Opens a call on an HTTP/2 session. The call ends with `signal`. */
export function openGrpc(
  session: ClientHttp2Session,
  method: string,
  metadata: GrpcMetadata,
  signal: AbortSignal,
): GrpcStream {
  const stream = session.request({
    ":method": "POST",
    ":path": method,
    "content-type": "application/grpc",
    te: "trailers",
    ...metadata,
  });
  const cancel = () => stream.close(constants.NGHTTP2_CANCEL);
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  stream.on("close", () => signal.removeEventListener("abort", cancel));
  return {
    messages: readResponse(stream),
    send: (message) => (stream.destroyed || stream.writableEnded ? true : stream.write(frame(message))),
    drained: () => drained(stream),
    end() {
      if (!stream.destroyed && !stream.writableEnded) stream.end();
    },
  };
}

/** One request, one response. Throws GrpcError. */
export async function callUnary<I extends DescMessage, O extends DescMessage>(
  session: ClientHttp2Session,
  method: string,
  input: readonly [I, MessageShape<I>],
  output: O,
  options: { readonly metadata: GrpcMetadata; readonly signal: AbortSignal },
): Promise<MessageShape<O>> {
  const stream = openGrpc(session, method, options.metadata, options.signal);
  stream.send(toBinary(input[0], input[1]));
  stream.end();
  let answer: MessageShape<O> | undefined;
  for await (const message of stream.messages) answer ??= fromBinary(output, message);
  if (answer === undefined) throw new GrpcError(grpcStatus.internal, `${method} answered without a message`);
  return answer;
}

/** Reads the one request of a unary call. */
export async function readUnary<I extends DescMessage>(call: GrpcCall, input: I): Promise<MessageShape<I>> {
  for await (const message of call.messages) return fromBinary(input, message);
  throw new GrpcError(grpcStatus.invalidArgument, "the call carried no message");
}

async function* readResponse(stream: ClientHttp2Stream): AsyncGenerator<Uint8Array> {
  let failure: GrpcError | undefined;
  stream.on("response", (headers) => {
    const http = headers[":status"];
    if (http !== 200) failure = new GrpcError(grpcStatus.unavailable, `the server answered HTTP ${http}`);
    failure ??= statusIn(headers);
  });
  stream.on("trailers", (headers) => {
    failure ??= statusIn(headers);
  });
  try {
    yield* readMessages(stream);
  } catch (reason) {
    if (failure !== undefined) throw failure;
    if (reason instanceof GrpcError) throw reason;
    throw new GrpcError(grpcStatus.unavailable, reason instanceof Error ? reason.message : String(reason));
  }
  if (failure !== undefined) throw failure;
}

function statusIn(headers: Readonly<Record<string, unknown>>): GrpcError | undefined {
  const code = headers["grpc-status"];
  if (code === undefined || Number(code) === grpcStatus.ok) return undefined;
  return new GrpcError(Number(code), decodeURIComponent(String(headers["grpc-message"] ?? "")));
}

function trailers(status: GrpcError | undefined): Record<string, string> {
  if (status === undefined) return { "grpc-status": "0" };
  return { "grpc-status": String(status.code), "grpc-message": encodeURIComponent(status.message) };
}

/** Splits the bytes of a stream into gRPC's length-prefixed messages. Compressed ones are refused. */
async function* readMessages(stream: Readable): AsyncGenerator<Uint8Array> {
  let chunks: Buffer[] = [];
  let buffered = 0;
  let needed = 5;
  // A reader that stops early (a unary call) must not destroy the stream: the answer still goes over it.
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    buffered += chunk.length;
    if (buffered < needed) continue;
    let bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks, buffered);
    while (bytes.length >= 5) {
      if (bytes[0] !== 0)
        throw new GrpcError(grpcStatus.unimplemented, "compressed messages are not supported");
      const length = bytes.readUInt32BE(1);
      if (length > maxMessageBytes) {
        throw new GrpcError(
          grpcStatus.resourceExhausted,
          `message of ${length} bytes is over ${maxMessageBytes}`,
        );
      }
      if (bytes.length < 5 + length) break;
      yield bytes.subarray(5, 5 + length);
      bytes = bytes.subarray(5 + length);
    }
    needed = bytes.length >= 5 ? 5 + bytes.readUInt32BE(1) : 5;
    chunks = bytes.length === 0 ? [] : [bytes];
    buffered = bytes.length;
  }
}

const frames = new WeakMap<Uint8Array, Buffer>();

/** A message that goes to many peers is framed once. */
function frame(message: Uint8Array): Buffer {
  let framed = frames.get(message);
  if (framed === undefined) {
    framed = Buffer.allocUnsafe(5 + message.length);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, 5);
    frames.set(message, framed);
  }
  return framed;
}
