import { createServer, type Socket } from "node:net";
import type { Stop } from "../../../base/index.ts";

/** Listens on a unix socket. Stopping frees the path and leaves accepted connections alone. */
export async function listenUnix(path: string, onConnection: (socket: Socket) => void): Promise<Stop> {
  const server = createServer(onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  server.on("error", () => {}); // A failed accept concerns that connection alone.
  return async () => void server.close();
}
