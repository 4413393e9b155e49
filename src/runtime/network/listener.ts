import { createServer, type Server, type Socket } from "node:net";
import type { Stop } from "../../base/index.ts";
import type { PortMap } from "./ports.ts";

/** Connections that may wait to be accepted. */
const backlog = 1024;

/**
 * Listens on address:port, or on a higher port of the address where this user may not bind it (PortMap then
 * knows). Rejects with EADDRINUSE. Stopping frees the port at once and leaves accepted connections alone.
 */
export async function listenOn(
  address: string,
  port: number,
  ports: PortMap,
  onConnection: (socket: Socket) => void,
): Promise<Stop> {
  const server = createServer({ noDelay: true }, onConnection);
  let real = ports.mayBind(port) ? port : ports.substitute(address, port);
  try {
    await bind(server, address, real);
  } catch (reason) {
    const code = (reason as NodeJS.ErrnoException).code;
    if (code === "EACCES" && real === port) real = ports.substitute(address, port);
    else if (code === "EADDRINUSE" && real !== port) real = 0;
    else throw reason;
    await bind(server, address, real);
  }
  const bound = server.address();
  if (typeof bound === "object" && bound !== null) real = bound.port;
  if (real !== port && port !== 0) ports.move(address, port, real);
  server.on("error", () => {}); // A failed accept concerns that connection alone.
  let isStopped = false;
  return async () => {
    if (isStopped) return;
    isStopped = true;
    if (real !== port) ports.forget(address, port);
    server.close();
  };
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
