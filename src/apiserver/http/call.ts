import type { KubeObject, Status } from "../../kube/index.ts";
import type { User } from "../contracts.ts";

/** One authenticated request, from a socket or from this process: the rest of the server cannot tell. */
export interface Call {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly user: User;
  /** The body; see RequestBody. Rejects with a 413 when it is too large. */
  readBody(): Promise<RequestBody>;
  /** Aborts when the client has gone or the server stops. */
  readonly signal: AbortSignal;
  /** Says something to the client beside the answer (RFC 7234 Warning, code 299). */
  warn(text: string): void;
}

/** What came with a request: bytes over HTTP, a JSON value that nobody may change from within the process. */
export type RequestBody =
  | { readonly kind: "none" }
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "value"; readonly value: unknown };

/** The answer to a call, before it is known whether anybody needs it as text. */
export type Answer =
  | {
      readonly kind: "json";
      readonly status: number;
      readonly body: unknown;
      readonly headers?: Readonly<Record<string, string>>;
      /** The body as JSON, for whoever can make it with less work than writing out `body`. */
      text?(): string;
    }
  | ListAnswer
  | { readonly kind: "watch"; readonly watch: WatchStream }
  | {
      readonly kind: "text";
      readonly status: number;
      readonly body: string | Uint8Array;
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "stream";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly chunks: AsyncIterable<Uint8Array>;
    };

/** A list whose items are stored objects, so that their JSON text can be shared. */
export interface ListAnswer {
  readonly kind: "list";
  readonly apiVersion: string;
  readonly listKind: string;
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly KubeObject[];
}

/** One event of a watch as it goes out. */
export interface OutgoingEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubeObject | Status | object;
}

/** A running watch, pulled by its consumer. */
export interface WatchStream {
  /** The next event, or undefined when there is none right now. */
  next(): OutgoingEvent | undefined;
  /** After the last event was pulled: the watch is over. */
  readonly ended: boolean;
  /** Calls `listener` when `next` or `ended` may have something new. One listener. */
  onReady(listener: () => void): void;
  /** Ends the watch; safe to call twice. */
  stop(): void;
}

/** A JSON answer. */
export function json(status: number, body: unknown, headers?: Readonly<Record<string, string>>): Answer {
  return { kind: "json", status, body, ...(headers === undefined ? {} : { headers }) };
}

/** A plain-text answer. */
export function plainText(status: number, body: string): Answer {
  return { kind: "text", status, body, headers: { "content-type": "text/plain; charset=utf-8" } };
}
