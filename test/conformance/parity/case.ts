import type { Snapshot } from "../../../src/xds/index.ts";
import type { AppName } from "./world.ts";

/** One row of the table: what the control plane reads, what clients do, and what must come of it on both proxies. */
export interface Case {
  /** A sentence about behaviour; unique in the table. */
  readonly name: string;
  /** Which proxy is looked at: a sidecar on its way out or in, or a gateway. */
  readonly proxy: ProxyName;
  /** Kubernetes and Istio objects beside those of the world, as YAML; "127.B." stands for the world's address block. */
  readonly objects?: string;
  /** MeshConfig beside the world's, as YAML. */
  readonly mesh?: string;
  /** Changes what discovery made, where objects can't say what is to be tried. */
  readonly change?: (snapshot: Snapshot) => void;
  /** What apps answer instead of 200, one entry a request; the last one stays. */
  readonly apps?: Partial<Record<AppName, readonly Reaction[]>>;
  readonly steps: readonly Step[];
}

export type ProxyName = "client" | "server" | "gateway";

/** What an app does with one request. A number is a status. */
export type Reaction = number | "hang" | "reset" | Answer | RawAnswer;

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly trailers?: Readonly<Record<string, string>>;
  /** Milliseconds before the answer. */
  readonly delay?: number;
  /** Status codes sent before the answer. */
  readonly interim?: readonly number[];
  /** The connection breaks after the head and `body`. */
  readonly breaksOff?: boolean;
}

/** Bytes written to the connection as they are, which then ends if `ends`. */
export interface RawAnswer {
  readonly raw: string;
  readonly ends?: boolean;
}

export type Step = HttpStep | RawStep | TcpStep | ChangeStep;

/** Where a connection goes and in which clothes. */
export interface Connection {
  /** "address:port"; default: port 80 of the Service that is asked, the server's port 8080, the gateway's port 8080. */
  readonly to?: string;
  readonly tls?: TlsClient;
}

export interface TlsClient {
  readonly sni?: string;
  readonly alpn?: readonly string[];
  /** SPIFFE id of the client's certificate; none: no certificate. */
  readonly as?: string;
  /** The certificate is signed by a root that the mesh does not know. */
  readonly stranger?: boolean;
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  readonly minVersion?: "TLSv1.2" | "TLSv1.3";
}

export interface HttpStep extends Connection {
  /** "GET host/path"; the host is a Service's or what is to stand in Host. */
  readonly ask: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** The body is sent in these chunks, with unknown length. */
  readonly chunks?: readonly string[];
  readonly trailers?: Readonly<Record<string, string>>;
  readonly http2?: boolean;
  /** The request is sent so many times, one after the other on connections of their own. */
  readonly times?: number;
  /** All `times` at once. */
  readonly atOnce?: boolean;
  /** Lines that the access log gets; default: one a request. */
  readonly logs?: number;
  /** The connection is broken off after so many milliseconds. */
  readonly givesUpAfter?: number;
  readonly answer: ExpectedAnswer;
}

/** Bytes sent as they are on one connection. */
export interface RawStep extends Connection {
  readonly send: string | readonly string[];
  /** Service whose port 80 is dialled; default "solo". */
  readonly at?: string;
  /** Final answers to wait for; default 1. */
  readonly answers?: readonly ExpectedAnswer[];
  /** Whether the proxy ends the connection afterwards. */
  readonly closes?: boolean;
  /** Lines that the access log gets; default: one an answer. */
  readonly logs?: number;
  /** HEAD was asked, so that answers have no bodies. */
  readonly isHead?: boolean;
}

export interface TcpStep extends Connection {
  readonly tcp: string;
  readonly at?: string;
  readonly answer: {
    /** "" : the connection ended, or was refused, without a byte. */
    readonly text: string | RegExp;
    readonly flags?: string;
    readonly log?: Readonly<Record<string, unknown>>;
  };
}

/** Something happens between two requests. */
export interface ChangeStep {
  /** Objects that replace those of the case from now on. */
  readonly objects?: string;
  /** Wait so many milliseconds, for what counts in time (ejection, back-off). */
  readonly wait?: number;
}

/** What is written by hand; what it leaves out must still be the same on both proxies. */
export interface ExpectedAnswer {
  /** 0: no answer came. */
  readonly status: number | readonly number[];
  /** Lower case names; null: must be absent. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  readonly trailers?: Readonly<Record<string, string | RegExp>>;
  readonly body?: string | RegExp;
  readonly interim?: readonly number[];
  /** The app that answered; for many requests how many each got, exactly or [least, most]. */
  readonly app?: AppName | "" | Partial<Record<AppName, number | readonly [number, number]>>;
  /** What the app got. */
  readonly seen?: Seen;
  /** What else was asked of apps: "app METHOD host/path", in order of their names (mirrors, retries). */
  readonly also?: readonly string[];
  /** %RESPONSE_FLAGS%; default "-". */
  readonly flags?: string;
  /** Further fields of the access log's line. */
  readonly log?: Readonly<Record<string, unknown>>;
  /** Milliseconds from asking to the answer: [least, most]. */
  readonly took?: readonly [number, number];
}

export interface Seen {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  readonly body?: string;
}
