import type { JsonObject } from "@bufbuild/protobuf";
import type { Destination } from "../contracts.ts";
import type { PeerCertificate } from "../tls/peer-certificate.ts";
import type { Headers } from "./headers.ts";

export type HttpVersion = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2";

/** The head of a request. Filters change it on its way, so it belongs to one exchange only. */
export interface RequestHead {
  method: string;
  /** Path and query. */
  path: string;
  authority: string;
  /** False: the client named no host at all, not even an empty one. */
  readonly hasHost: boolean;
  scheme: string;
  headers: Headers;
  readonly version: HttpVersion;
  /** Lower-case protocol of an Upgrade request ("websocket"). */
  readonly upgrade: string | undefined;
  /** Bytes of the body when the client said so. */
  contentLength: number | undefined;
  /** What filters found out about the request (dynamic metadata), by filter name. */
  metadata?: Readonly<Record<string, JsonObject>>;
}

export interface ResponseHead {
  status: number;
  headers: Headers;
  /** Bytes of the body when the server said so. */
  contentLength: number | undefined;
  /** An HTTP/1 connection ends with this answer. */
  readonly closes?: boolean;
}

/** One connection of a client, as filters and logs see it. */
export interface Downstream {
  readonly id: number;
  /** Where the client is. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Where the client wanted to go (the original destination). */
  readonly localAddress: string;
  readonly localPort: number;
  /** The same as one value. */
  readonly destination: Destination;
  readonly sni: string | undefined;
  /** Undefined when the connection is plain text. */
  readonly tls: DownstreamTls | undefined;
}

export interface DownstreamTls {
  readonly alpn: string | undefined;
  readonly version: string;
  readonly cipher: string;
  /** The client's certificate; undefined when it showed none. */
  readonly peer: PeerCertificate | undefined;
  /** Our own, as the client saw it. */
  readonly local: PeerCertificate | undefined;
}

/**
 * The downstream side of one exchange. Calls after `end` or `reset` do nothing. Functions that return a boolean
 * return false when the client reads too slowly: wait for RequestSink.drained.
 */
export interface ResponseWriter {
  /** A 1xx answer. 101 is not one of them: it comes by `head`. */
  informational(status: number, headers: Headers): void;
  head(head: ResponseHead, end: boolean): boolean;
  data(chunk: Buffer, end: boolean): boolean;
  trailers(headers: Headers): void;
  /** Writes out what `head` may hold back to join it with the first data. */
  flush(): void;
  /** Breaks the exchange off: the client sees a closed connection or a reset stream. */
  reset(): void;
  /** Stops and starts reading the request body. */
  pause(): void;
  resume(): void;
}

/** What the downstream codec tells about the request after its head. */
export interface RequestSink {
  data(chunk: Buffer, end: boolean): void;
  trailers(headers: Headers): void;
  /** All bytes that came at once were handed over. */
  flush(): void;
  /** The client went away, or broke the protocol. */
  aborted(reason: "disconnect" | "protocol"): void;
  /** The client has caught up. */
  drained(): void;
}

/** Starts one exchange. `end` says that no body follows. */
export type StartExchange = (head: RequestHead, end: boolean, writer: ResponseWriter) => RequestSink;

/** Why an upstream stream broke, in the words of Envoy's local replies. */
export type ResetReason =
  | "remote connection failure"
  | "local connection failure"
  | "connection timeout"
  | "connection termination"
  | "remote reset"
  | "remote refused stream reset"
  | "overflow"
  | "protocol error"
  | "local reset";

/** What an upstream connection tells about the answer. */
export interface ResponseSink {
  informational(status: number, headers: Headers): void;
  head(head: ResponseHead, end: boolean): void;
  data(chunk: Buffer, end: boolean): void;
  trailers(headers: Headers): void;
  flush(): void;
  /** Nothing follows. `detail` is the transport's own text ("TLS_error:…"). */
  reset(reason: ResetReason, detail: string): void;
  drained(): void;
}

/** The upstream side of one exchange. Same rules as ResponseWriter. */
export interface UpstreamStream {
  data(chunk: Buffer, end: boolean): boolean;
  trailers(headers: Headers): void;
  flush(): void;
  reset(): void;
  pause(): void;
  resume(): void;
}
