import { createServer, type Socket } from "node:net";
import { IsthmusError, type Stop } from "../base/index.ts";

/** Blocks are /16 networks 127.16 to 127.119; a cluster owns one. */
export const firstBlock = 16;
export const lastBlock = 119;
export const apiPort = 6443;

/** Addresses of a cluster's block. */
export interface BlockAddresses {
  readonly api: string;
  readonly services: { readonly first: string; readonly last: string };
  node(index: number): string;
  /** In the order in which they are handed out. */
  readonly loadBalancers: readonly string[];
}

export function addressesOf(block: number): BlockAddresses {
  return {
    api: `127.${block}.0.1`,
    services: { first: `127.${block}.128.1`, last: `127.${block}.191.254` },
    node: (index) => `127.${block}.254.${index + 1}`,
    loadBalancers: Array.from({ length: 253 }, (_, i) => `127.${block}.255.${i + 2}`),
  };
}

/** A claimed block: the bound API socket is what keeps other meshes out, from the claim to the release. */
export interface ClaimedBlock {
  readonly block: number;
  /** True when a remembered block was taken by somebody else, so that addresses changed. */
  readonly moved: boolean;
  /** Gives connections to the API address to `onConnection`, instead of to whoever had them; until the stop. Without one they are closed. */
  accept(onConnection: (socket: Socket) => void): Stop;
  release(): Promise<void>;
}

/**
 * Claims one block per cluster by binding 127.B.0.1:6443: the remembered one when it is free, else the next
 * free one. engine/no-address-block when none is left. What was claimed is released when a later one fails.
 */
export async function claimBlocks(
  clusters: readonly string[],
  remembered: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, ClaimedBlock>> {
  const claimed = new Map<string, ClaimedBlock>();
  const wanted = new Set(remembered.values());
  const taken = new Set<number>();
  let next = firstBlock;
  try {
    for (const cluster of clusters) {
      const own = remembered.get(cluster);
      let server = own === undefined ? undefined : await bind(own);
      let block = own;
      while (server === undefined) {
        while (next <= lastBlock && (taken.has(next) || wanted.has(next))) next++;
        if (next > lastBlock) throw noBlock(cluster);
        block = next++;
        server = await bind(block);
      }
      if (block === undefined) throw noBlock(cluster);
      taken.add(block);
      claimed.set(cluster, { block, moved: own !== undefined && own !== block, ...server });
    }
  } catch (reason) {
    await Promise.all([...claimed.values()].map((one) => one.release()));
    throw reason;
  }
  return claimed;
}

/** Undefined when the address is taken. */
async function bind(block: number): Promise<Pick<ClaimedBlock, "accept" | "release"> | undefined> {
  let taker: ((socket: Socket) => void) | undefined;
  const server = createServer((socket) => {
    if (taker === undefined) socket.destroy();
    else taker(socket);
  });
  const bound = await new Promise<boolean>((resolve, reject) => {
    server.once("error", (reason: NodeJS.ErrnoException) =>
      reason.code === "EADDRINUSE" ? resolve(false) : reject(reason),
    );
    server.listen({ host: addressesOf(block).api, port: apiPort, exclusive: true }, () => resolve(true));
  });
  if (!bound) return undefined;
  return {
    accept(onConnection) {
      taker = onConnection;
      return async () => {
        if (taker === onConnection) taker = undefined;
      };
    },
    release: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function noBlock(cluster: string): IsthmusError {
  return new IsthmusError(
    "engine/no-address-block",
    `no address block is free for cluster ${cluster}: 127.${firstBlock} to 127.${lastBlock} are all taken`,
    {
      nextStep: "End another mesh with isthmus down, then start again.",
    },
  );
}
