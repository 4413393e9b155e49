import { setMaxListeners } from "node:events";
import type { IncomingMessage, RequestOptions } from "node:http";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { IsthmusError } from "../base/index.ts";
import type { KubeAccess } from "./kubeconfig.ts";
import type { TokenSource } from "./token-source.ts";
import type { ApiRequest, ApiResponse, ApiTransport } from "./transport.ts";

export interface HttpTransportOptions extends KubeAccess {
  /** Opens the connection to the server, for callers that reach it by another network. Default: a plain connection. */
  connect?(host: string, port: number): Socket;
  /** Where bearer tokens come from that are renewed; in the place of `token`. */
  readonly tokens?: TokenSource;
  /** Most bytes of an answer that is no watch. Default 256 MiB. */
  readonly mostBytes?: number;
  /** Most bytes of one event of a watch. Default 16 MiB. */
  readonly mostEventBytes?: number;
}

/** A transport over HTTPS. */
export interface HttpTransport extends ApiTransport {
  /** Ends the idle connections. Those in use end with their requests. */
  close(): void;
}

const mebibyte = 1024 * 1024;
/** Connections of one client; a watch keeps one for itself, so this bounds only what idles. */
const mostIdle = 8;

/**
 * The way to a Kubernetes API over HTTP or HTTPS, with connections kept alive. Rejects with
 * "cluster/unreachable" when no answer can be had, and with "cluster/forbidden" when the server refuses the
 * client's certificate; an abort rejects with the signal's reason. HTTP errors are answers.
 */
export function createHttpTransport(options: HttpTransportOptions): HttpTransport {
  const url = parseServer(options.server);
  const agent = createAgent(url, options);
  const base = url.pathname.replace(/\/$/, "");
  const mostBytes = options.mostBytes ?? 256 * mebibyte;
  const mostEventBytes = options.mostEventBytes ?? 16 * mebibyte;

  const open = (
    request: ApiRequest,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> => {
    const query = request.query.toString();
    const body = encodeBody(request.body);
    const requestOptions: RequestOptions = {
      agent,
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port,
      method: request.method,
      path: `${base}${request.path}${query === "" ? "" : `?${query}`}`,
      headers: {
        ...definedHeaders(request.headers),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-length": body.length }),
      },
      ...(signal === undefined ? {} : { signal }),
    };
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const outgoing = send(requestOptions, resolve);
      outgoing.on("error", (reason) =>
        reject(signal?.aborted ? signal.reason : failure(options.server, reason)),
      );
      outgoing.end(body);
    });
  };

  /** A kept connection may have been closed by the server just now; what changes nothing is sent once more. */
  const openAgain = async (
    request: ApiRequest,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> => {
    try {
      return await open(request, token, signal);
    } catch (reason) {
      const wasReset = reason instanceof IsthmusError && codeOf(reason.cause) === "ECONNRESET";
      if (!wasReset || request.method !== "GET" || signal?.aborted) throw reason;
      return open(request, token, signal);
    }
  };

  /** A token that is refused may have been renewed meanwhile: what was sent with it was not looked at. */
  const openWithToken = async (
    request: ApiRequest,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> => {
    const { tokens } = options;
    if (tokens === undefined) return openAgain(request, options.token, signal);
    const token = await tokens.current();
    const incoming = await openAgain(request, token, signal);
    if (incoming.statusCode !== 401) return incoming;
    tokens.refused(token);
    const next = await tokens.current();
    if (next === token) return incoming;
    incoming.resume();
    return openAgain(request, next, signal);
  };

  return {
    async send(request, signal) {
      // One signal ends any number of requests; Node would take eleven for a leak.
      if (signal !== undefined) setMaxListeners(0, signal);
      const incoming = await openWithToken(request, signal);
      const status = incoming.statusCode ?? 0;
      const answer = { status, headers: incoming.headers as ApiResponse["headers"] };
      const isWatch = ["true", "1"].includes(request.query.get("watch") ?? "");
      if (isWatch && status === 200) {
        return {
          ...answer,
          events: readEvents(incoming, { server: options.server, mostEventBytes, signal }),
        };
      }
      if (request.inChunks === true && status < 400)
        return { ...answer, chunks: readChunks(incoming, { server: options.server, signal }) };
      const text = await readText(incoming, { server: options.server, mostBytes, signal });
      return { ...answer, body: isJson(incoming) ? parseJson(text, options.server) : text };
    },
    close() {
      agent.destroy();
    },
  };
}

function parseServer(server: string): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw new IsthmusError("arguments/wrong", `"${server}" is no address of a Kubernetes API`, {
      nextStep: "write it as https://HOST:PORT",
    });
  return url;
}

function createAgent(url: URL, options: HttpTransportOptions): HttpAgent {
  const { connect } = options;
  const shared = { keepAlive: true, maxFreeSockets: mostIdle };
  if (url.protocol === "http:") {
    const agent = new HttpAgent(shared);
    if (connect !== undefined)
      overrideConnection(agent, ({ host, port }) => connect(String(host), Number(port)));
    return agent;
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const serverName = options.serverName ?? (isIP(host) === 0 ? host : undefined);
  const tls = {
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.clientCert === undefined ? {} : { cert: options.clientCert }),
    ...(options.clientKey === undefined ? {} : { key: options.clientKey }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: options.insecure !== true,
  };
  const agent = new HttpsAgent({ ...shared, ...tls });
  if (connect !== undefined)
    overrideConnection(agent, ({ host: name, port }) =>
      connectTls({ ...tls, host: String(name), socket: connect(String(name), Number(port)) }),
    );
  return agent;
}

/** Node's agents ask this method for connections; their types do not say so. */
function overrideConnection(agent: HttpAgent, open: (options: RequestOptions) => Duplex): void {
  Object.defineProperty(agent, "createConnection", { value: open });
}

function encodeBody(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined;
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return Buffer.from(JSON.stringify(body));
}

function definedHeaders(headers: ApiRequest["headers"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function isJson(incoming: IncomingMessage): boolean {
  return /^application\/json\b/.test(incoming.headers["content-type"] ?? "");
}

function parseJson(text: string, server: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new IsthmusError("cluster/unreachable", `${server} sent JSON that cannot be read`, { cause });
  }
}

interface Reading {
  readonly server: string;
  readonly signal: AbortSignal | undefined;
}

async function readText(
  incoming: IncomingMessage,
  { server, mostBytes, signal }: Reading & { readonly mostBytes: number },
): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > mostBytes) break; // Leaving the loop ends the connection.
      chunks.push(chunk);
    }
  } catch (reason) {
    throw signal?.aborted ? signal.reason : failure(server, reason);
  }
  if (size > mostBytes)
    throw new IsthmusError("cluster/unreachable", `${server} sent an answer of more than ${mostBytes} bytes`);
  return Buffer.concat(chunks).toString();
}

/** The JSON values of a stream with one on each line. Ends when the server ends the stream or the signal aborts. */
export async function* readEvents(
  incoming: AsyncIterable<unknown> & { destroy(): unknown },
  { server, mostEventBytes = 16 * mebibyte, signal }: Reading & { readonly mostEventBytes?: number },
): AsyncIterable<unknown> {
  const newline = 10;
  let pending: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
        const part = chunk.subarray(start, end);
        const line = pending.length === 0 ? part : Buffer.concat([...pending, part]);
        pending = [];
        size = 0;
        start = end + 1;
        if (line.length > 0) yield parseJson(line.toString(), server);
      }
      if (start === chunk.length) continue;
      pending.push(start === 0 ? chunk : chunk.subarray(start));
      size += chunk.length - start;
      if (size > mostEventBytes)
        throw new IsthmusError(
          "cluster/unreachable",
          `${server} sent an event of more than ${mostEventBytes} bytes`,
        );
    }
  } catch (reason) {
    if (signal?.aborted) return;
    throw reason instanceof IsthmusError ? reason : failure(server, reason);
  } finally {
    incoming.destroy();
  }
}

/** The body as it comes. Ends when the server ends it or the signal aborts. */
async function* readChunks(
  incoming: IncomingMessage,
  { server, signal }: Reading,
): AsyncIterable<Uint8Array> {
  try {
    yield* incoming as AsyncIterable<Buffer>;
  } catch (reason) {
    if (!signal?.aborted) throw failure(server, reason);
  } finally {
    incoming.destroy();
  }
}

function codeOf(reason: unknown): string | undefined {
  return typeof reason === "object" && reason !== null && "code" in reason ? String(reason.code) : undefined;
}

/** What a person can make of a failed connection. */
function failure(server: string, cause: unknown): IsthmusError {
  const code = codeOf(cause) ?? "";
  const detail = cause instanceof Error ? cause.message : String(cause);
  if (
    /ALERT|BAD_CERTIFICATE|CERTIFICATE_REQUIRED|UNKNOWN_CA/.test(code) ||
    /alert (bad certificate|unknown ca|certificate)/.test(detail)
  )
    return new IsthmusError("cluster/forbidden", `${server} refused the client's certificate`, {
      cause,
      nextStep: "check that the kubeconfig's user belongs to this cluster",
    });
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code))
    return new IsthmusError(
      "cluster/unreachable",
      `the certificate of ${server} cannot be trusted: ${detail}`,
      {
        cause,
        nextStep: "check the certificate authority in the kubeconfig",
      },
    );
  const says: Readonly<Record<string, string>> = {
    ECONNREFUSED: "nothing listens there",
    ENOTFOUND: "its name is not known",
    EAI_AGAIN: "its name cannot be looked up now",
    ETIMEDOUT: "it does not answer in time",
    EHOSTUNREACH: "there is no way to it",
    ENETUNREACH: "there is no way to it",
    ECONNRESET: "it closed the connection",
    EPIPE: "it closed the connection",
  };
  return new IsthmusError("cluster/unreachable", `${server} cannot be reached: ${says[code] ?? detail}`, {
    cause,
  });
}
