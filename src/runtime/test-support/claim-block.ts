import { createServer } from "node:net";

/**
 * Finds an address block 127.B.0.0/16 that nobody uses at the moment and claims it, as meshes do, by binding its API
 * address; clear of the blocks of real meshes. For tests.
 */
export async function claimBlock(): Promise<{ readonly block: number; release(): Promise<void> }> {
  for (let block = 120; block < 255; block++) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(6443, `127.${block}.0.1`, () => resolve(true));
    });
    if (isFree) return { block, release: () => new Promise((resolve) => server.close(() => resolve())) };
  }
  throw new Error("no address block is free");
}
