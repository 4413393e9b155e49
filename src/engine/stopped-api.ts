import { createServer } from "node:https";
import { addressesOf, addressTaken, apiPort, type ClaimedBlock } from "./address-blocks.ts";
import type { ClusterKeys } from "./cluster-keys.ts";

/**
 * Holds the block of a stopped cluster against other meshes and answers whoever asks its API: 503 with a Status that
 * says what to do. A connection that is only closed would be tried again by clients for most of a minute.
 * engine/port-taken when another program was faster.
 */
export function serveStoppedApi(cluster: string, block: number, keys: ClusterKeys): Promise<ClaimedBlock> {
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
  server.maxConnections = 1000;
  const { api } = addressesOf(block);
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => reject(addressTaken(cluster, block, cause)));
    server.listen({ host: api, port: apiPort, exclusive: true }, () =>
      resolve({
        block,
        moved: false,
        release: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      }),
    );
  });
}
