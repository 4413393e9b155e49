import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Logger, Stop } from "../../base/index.ts";
import { type ApiError, isApiError } from "../../kube/index.ts";
import { type Authenticator, anonymous } from "../authentication/authenticate.ts";
import { impersonated } from "../authentication/impersonate.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { ListenAddress, User } from "../contracts.ts";
import { statusOf, unauthorized } from "../status.ts";
import { jsonText } from "../storage/json-text.ts";
import type { Answer, Call } from "./call.ts";
import { readBytes } from "./read-bytes.ts";
import { writeAnswer } from "./write-answer.ts";

/** Where to listen, who clients are, and who answers them. */
export interface HttpServerParts {
  readonly listen: ListenAddress;
  readonly tls: { readonly key: string; readonly cert: string };
  readonly clientCa: string;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly log: Logger;
  handle(call: Call): Answer | Promise<Answer>;
  /** Takes over a connection: exec, attach, port-forward. Throws a Status error before it has written anything. */
  upgrade(call: Call, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
}

/** A listening server. */
export interface HttpServer {
  readonly port: number;
  stop(): Promise<void>;
}

const noQuery = new URLSearchParams();
/** More connections than any engine has pods; a leak must not eat the process. */
const mostConnections = 10_000;

/** Listens for HTTPS with optional client certificates, and answers with `handle`. */
export async function startHttpServer(parts: HttpServerParts): Promise<HttpServer> {
  const { log } = parts;
  const users = new WeakMap<TLSSocket, User>();
  const connections = new Set<Socket>();

  const certificateUser = (socket: TLSSocket): User | undefined => {
    const known = users.get(socket);
    if (known !== undefined) return known;
    const certificate = socket.getPeerCertificate();
    let user: User | undefined = anonymous;
    if (certificate?.raw !== undefined)
      user = socket.authorized ? parts.authenticator.certificateUser(certificate) : undefined;
    if (user !== undefined) users.set(socket, user);
    return user;
  };
  const userOf = (request: IncomingMessage): User => {
    const authorization = request.headers.authorization ?? "";
    let user: User | undefined;
    if (/^bearer /i.test(authorization))
      user = parts.authenticator.tokenUser(authorization.slice(7).trim())?.user;
    else if (request.socket instanceof TLSSocket) user = certificateUser(request.socket);
    if (user === undefined) throw unauthorized();
    return request.headers["impersonate-user"] === undefined
      ? user
      : impersonated(parts.authorizer, user, request);
  };
  const callOf = (request: IncomingMessage, closing: NodeJS.EventEmitter, warnings: string[]): Call => {
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    let controller: AbortController | undefined;
    return {
      method: request.method ?? "GET",
      path: mark < 0 ? url : url.slice(0, mark),
      query: mark < 0 ? noQuery : new URLSearchParams(url.slice(mark + 1)),
      headers: request.headers as Readonly<Record<string, string | undefined>>,
      user: userOf(request),
      async readBody() {
        const bytes = await readBytes(request);
        return bytes.length === 0 ? { kind: "none" } : { kind: "bytes", bytes };
      },
      get signal() {
        if (controller === undefined) {
          const made = new AbortController();
          closing.once("close", () => made.abort());
          controller = made;
        }
        return controller.signal;
      },
      warn(text) {
        if (warnings.length < 20 && !warnings.includes(text)) warnings.push(text);
      },
    };
  };
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const warnings: string[] = [];
    const options = {
      accept: request.headers.accept,
      acceptEncoding: request.headers["accept-encoding"] as string | undefined,
      warnings,
      isHead: request.method === "HEAD",
    };
    try {
      const answer = await parts.handle(callOf(request, response, warnings));
      await writeAnswer(response, answer, options);
    } catch (reason) {
      if (response.destroyed) return;
      if (!isApiError(reason))
        log.error({ path: request.url?.split("?")[0], reason: textOf(reason) }, "a request failed");
      if (response.headersSent) {
        response.destroy();
        return;
      }
      const status = statusOf(reason);
      // The rest of a body that nobody reads would be taken for the next request.
      if (!request.complete) response.shouldKeepAlive = false;
      const retry = status.details?.retryAfterSeconds;
      await writeAnswer(
        response,
        {
          kind: "json",
          status: status.code,
          body: status,
          ...(retry === undefined ? {} : { headers: { "retry-after": String(retry) } }),
        },
        { ...options, accept: undefined },
      );
    }
  };

  const server = createServer({
    key: parts.tls.key,
    cert: parts.tls.cert,
    ca: parts.clientCa,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
    minVersion: "TLSv1.2",
    handshakeTimeout: 10_000,
    keepAliveTimeout: 90_000,
    headersTimeout: 15_000,
    requestTimeout: 60_000,
    maxHeaderSize: 32 * 1024,
  });
  server.on("connection", (socket: Socket) => {
    if (connections.size >= mostConnections) {
      socket.destroy();
      return;
    }
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  server.on("request", (request, response) => void serve(request, response));
  server.on("tlsClientError", (reason) => log.debug({ reason: reason.message }, "a TLS handshake failed"));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", (reason) => log.debug({ reason: reason.message }, "an upgraded connection broke"));
    const run = async () => parts.upgrade(callOf(request, socket, []), request, socket, head);
    run().catch((reason: unknown) => {
      if (!isApiError(reason))
        log.error({ path: request.url?.split("?")[0], reason: textOf(reason) }, "an upgrade failed");
      refuseUpgrade(socket, reason);
    });
  });

  const close = await listen(server, parts.listen);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : parts.listen.port,
    async stop() {
      const closed = close();
      server.closeAllConnections();
      // The server itself does not know of those that are upgraded or still in their handshake.
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
}

function refuseUpgrade(socket: Duplex, reason: unknown | ApiError): void {
  if (socket.destroyed) return;
  const status = statusOf(reason);
  const body = jsonText(status);
  socket.end(
    `HTTP/1.1 ${status.code} ${status.reason ?? "Error"}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

async function listen(server: Server, address: ListenAddress): Promise<Stop> {
  if (address.accept !== undefined) {
    const stop = address.accept((socket) => server.emit("connection", socket));
    // Node watches over how long requests take from this event on.
    server.emit("listening");
    return async () => {
      await stop();
      await closed(server);
    };
  }
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address.port, address.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return () => closed(server);
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
