import { createServer, type Server } from "node:http";
import { claimBlock } from "../../../src/runtime/test-support/claim-block.ts";

/** Servers that are no part of any stage: both dial the same addresses, so that what hashes choose can be compared. */
export interface Outside {
  /** Their addresses are 127.O.1.1 to 127.O.1.5, port 8080; each answers with the last part of its own. */
  readonly block: number;
  stop(): Promise<void>;
}

export async function startOutside(): Promise<Outside> {
  const { block, release } = await claimBlock();
  const servers: Server[] = [];
  for (const host of [1, 2, 3, 4, 5]) {
    const server = createServer((_request, response) => response.end(String(host)));
    await new Promise<void>((resolve) => server.listen(8080, `127.${block}.1.${host}`, resolve));
    servers.push(server);
  }
  return {
    block,
    async stop() {
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      await release();
    },
  };
}
