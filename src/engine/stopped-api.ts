import { createServer } from "node:https";
import type { Socket } from "node:net";
import type { Stop } from "../base/index.ts";
import type { ClaimedBlock } from "./address-blocks.ts";
import type { ClusterKeys } from "./cluster-keys.ts";

const mostConnections = 1000;

/**
 * Answers whoever asks the API of a stopped cluster, until the stop: 503 with a Status that says what to do. A connection
 * that is only closed would be tried again by clients for most of a minute.
 */
export function serveStoppedApi(
  cluster: string,
  claimed: Pick<ClaimedBlock, "accept">,
  keys: Pick<ClusterKeys, "serverKey" | "serverCert">,
): Stop {
  const status = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `cluster ${cluster} is stopped; isthmus cluster start ${cluster} starts it again`,
    reason: "ServiceUnavailable",
    code: 503,
  };
  const body = JSON.stringify(status);
  const server = createServer({ key: keys.serverKey, cert: keys.serverCert }, (request, response) => {
    request.resume();
    response.writeHead(503, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      connection: "close",
    });
    response.end(body);
  });
  const connections = new Set<Socket>();
  const stop = claimed.accept((socket) => {
    if (connections.size >= mostConnections) {
      socket.destroy();
      return;
    }
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
    server.emit("connection", socket);
  });
  return async () => {
    await stop();
    for (const socket of connections) socket.destroy();
  };
}
