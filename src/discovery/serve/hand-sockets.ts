import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { Stop } from "../../base/index.ts";

/** Binds a port of istiod's pod. */
export type Listen = (port: number, onConnection: (socket: Socket) => void) => Promise<Stop>;

/** Hands a port's connections to a server that does not listen itself. The returned function closes the port and all of them. */
export async function handSockets(server: EventEmitter, listen: Listen, port: number): Promise<Stop> {
  const sockets = new Set<Socket>();
  const close = await listen(port, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    server.emit("connection", socket);
  });
  return async () => {
    const closed = close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
}
