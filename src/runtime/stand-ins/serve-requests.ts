import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ContainerContext, RunningContainer } from "../contracts.ts";

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Takes a connection over that asked for another protocol; `head` is what came of it already. */
export type AcceptUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Milliseconds. */
const handshakeTimeout = 5000;

export interface RequestOptions {
  /** Without it, upgrades are refused. */
  readonly accept?: AcceptUpgrade;
  /** Ports that speak TLS, each with its certificate and key as PEM. */
  readonly tls?: ReadonlyMap<number, { readonly cert: string; readonly key: string }>;
}

/**
 * Serves HTTP where the pod's ports are led to, each with its own handler. When it is stopped, running requests are
 * finished and idle connections closed; what still runs after the grace is cut off, connections taken over by `accept`
 * included. Rejects when a port is taken.
 */
export async function serveRequests(
  { network, logger }: ContainerContext,
  ports: ReadonlyMap<number, RequestHandler>,
  { accept, tls }: RequestOptions = {},
): Promise<RunningContainer> {
  const servers: Server[] = [];
  const upgraded = new Set<Duplex>();
  // Requests under way by connection. Node's own closeIdleConnections leaves those that have not had a request yet, as proxies keep them in store.
  const running = new Map<Socket, number>();
  let isStopping = false;
  const closeIdle = () => {
    for (const [socket, requests] of running) if (requests === 0) socket.destroySoon();
  };
  try {
    for (const [port, handle] of ports) {
      const answer = (request: IncomingMessage, response: ServerResponse) => {
        const { socket } = request;
        const count = (change: number) => {
          const before = running.get(socket);
          if (before !== undefined) running.set(socket, before + change);
        };
        count(1);
        response.once("close", () => {
          count(-1);
          if (isStopping) setImmediate(closeIdle);
        });
        handle(request, response).catch((reason: unknown) => {
          logger.warn({ reason: String(reason) }, "stand-in failed to answer");
          response.destroy();
        });
      };
      const secure = tls?.get(port);
      const server =
        secure === undefined
          ? createServer(answer)
          : createTlsServer({ ...secure, handshakeTimeout }, answer);
      if (accept !== undefined)
        server.on("upgrade", (request, socket, head) => {
          upgraded.add(socket);
          running.delete(request.socket);
          socket.once("close", () => upgraded.delete(socket));
          accept(request, socket, head);
        });
      server.on(secure === undefined ? "connection" : "secureConnection", (socket: Socket) => {
        running.set(socket, 0);
        socket.once("close", () => running.delete(socket));
      });
      // Longer than proxies keep idle connections, so that it is not this side that closes under a request.
      server.keepAliveTimeout = 75_000;
      await listen(server, network.appAddress(port));
      servers.push(server);
    }
  } catch (reason) {
    for (const server of servers) server.close();
    throw reason;
  }
  const closed = servers.map((server) => new Promise<void>((resolve) => server.once("close", resolve)));
  const exited = Promise.all(closed).then(() => ({ exitCode: 0 }));
  return {
    exited,
    async stop(graceSeconds) {
      isStopping = true;
      for (const server of servers) server.close();
      closeIdle();
      const timer = setTimeout(() => {
        for (const server of servers) server.closeAllConnections();
        for (const socket of upgraded) socket.destroy();
      }, graceSeconds * 1000);
      await exited;
      clearTimeout(timer);
    },
  };
}

function listen(server: Server, place: { readonly address: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(place.port, place.address, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
