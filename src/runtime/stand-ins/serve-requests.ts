import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ContainerContext, RunningContainer } from "../contracts.ts";

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Takes a connection over that asked for another protocol; `head` is what came of it already. */
export type AcceptUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/**
 * Serves HTTP where the pod's ports are led to, each with its own handler. When it is stopped, running requests are
 * finished and idle connections closed; what still runs after the grace is cut off, connections taken over by `accept`
 * included. Rejects when a port is taken.
 */
export async function serveRequests(
  { network, logger }: ContainerContext,
  ports: ReadonlyMap<number, RequestHandler>,
  accept?: AcceptUpgrade,
): Promise<RunningContainer> {
  const servers: Server[] = [];
  const upgraded = new Set<Duplex>();
  try {
    for (const [port, handle] of ports) {
      const server = createServer((request, response) => {
        handle(request, response).catch((reason: unknown) => {
          logger.warn({ reason: String(reason) }, "stand-in failed to answer");
          response.destroy();
        });
      });
      if (accept !== undefined)
        server.on("upgrade", (request, socket, head) => {
          upgraded.add(socket);
          socket.once("close", () => upgraded.delete(socket));
          accept(request, socket, head);
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
      for (const server of servers) {
        server.close();
        server.closeIdleConnections();
      }
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
