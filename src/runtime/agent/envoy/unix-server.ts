import { createServer, type Socket } from "node:net";
import type { Stop } from "../../../base/index.ts";

/** Longest path of a unix socket; Node cuts longer ones off without a word. */
const mostPathBytes = 107;

/** Listens on a unix socket. Stopping frees the path and leaves accepted connections alone. */
export async function listenUnix(path: string, onConnection: (socket: Socket) => void): Promise<Stop> {
  if (Buffer.byteLength(path) > mostPathBytes)
    throw new RangeError(`the path of a unix socket is too long, set TMPDIR to a shorter one: ${path}`);
  const server = createServer(onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  server.on("error", () => {}); // A failed accept concerns that connection alone.
  return async () => void server.close();
}
