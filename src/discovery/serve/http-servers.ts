import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Logger, Stop } from "../../base/index.ts";
import type { CertificateSigner } from "../contracts.ts";
import { handSockets, type Listen } from "./hand-sockets.ts";

/** An answer over HTTP; `body` is sent as it is when text, else as JSON. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly contentType?: string;
}

/** Answers one request. What it throws becomes a 500 without details. */
export type HttpHandler = (request: {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly peerAddress: string;
}) => HttpAnswer | Promise<HttpAnswer>;

/** Largest request body, in bytes: an AdmissionReview holds one pod. */
const maxBody = 4 * 1024 * 1024;

/** Serves HTTP in the clear on a port. */
export function serveHttp(listen: Listen, port: number, handler: HttpHandler, log: Logger): Promise<Stop> {
  return handSockets(createServer(listener(handler, log)), listen, port);
}

/** Serves HTTPS on a port with a certificate for istiod's names that follows the signer. */
export function serveHttps(
  listen: Listen,
  port: number,
  handler: HttpHandler,
  signer: CertificateSigner,
  dnsNames: readonly string[],
  signal: AbortSignal,
  log: Logger,
): Promise<Stop> {
  const context = () => {
    const { key, chain } = signer.serverCertificate(dnsNames);
    return { key, cert: chain };
  };
  const server = createTlsServer({ ...context(), minVersion: "TLSv1.2" }, listener(handler, log));
  signer.changes.subscribe(() => server.setSecureContext(context()), signal);
  server.on("tlsClientError", (reason) => log.debug({ reason: String(reason) }, "TLS failed"));
  return handSockets(server, listen, port);
}

function listener(handler: HttpHandler, log: Logger): RequestListener {
  return (request, response) => {
    answer(request, handler).then(
      (result) => write(response, result),
      (reason: unknown) => {
        log.error(
          {
            path: request.url,
            reason: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason),
          },
          "a request failed",
        );
        write(response, { status: 500, body: "internal error\n" });
      },
    );
  };
}

async function answer(request: IncomingMessage, handler: HttpHandler): Promise<HttpAnswer> {
  // istioctl asks for "//version", which would be a host's name.
  const url = new URL((request.url ?? "/").replace(/^\/+/, "/"), "http://localhost");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) return { status: 413, body: `a request body over ${maxBody} bytes is not read\n` };
    chunks.push(chunk);
  }
  return handler({
    method: request.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    body: Buffer.concat(chunks).toString("utf8"),
    peerAddress: request.socket.remoteAddress ?? "",
  });
}

function write(response: ServerResponse, { status, body, contentType }: HttpAnswer): void {
  const isText = typeof body === "string";
  response.writeHead(status, {
    "content-type": contentType ?? (isText ? "text/plain; charset=utf-8" : "application/json"),
  });
  response.end(isText ? body : `${JSON.stringify(body, undefined, 2)}\n`);
}
