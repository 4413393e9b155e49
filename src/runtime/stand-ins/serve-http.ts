import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { ContainerContext, RunningContainer } from "../contracts.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Serves HTTP where the pod's `port` is led to. When it is stopped, running requests are finished and idle
 * connections closed; what still runs after the grace is cut off. Rejects when the port is taken.
 */
export async function serveHttp(
  { network, logger }: ContainerContext,
  port: number,
  answer: (request: IncomingMessage) => HttpAnswer | Promise<HttpAnswer>,
): Promise<RunningContainer> {
  // Milliseconds. Nothing else runs in this thread meanwhile, so what passes by the clock is processor time.
  let busy = 0;
  const measured = <T>(work: () => T): T => {
    const start = performance.now();
    try {
      return work();
    } finally {
      busy += performance.now() - start;
    }
  };
  const server = createServer((request, response) => {
    request.resume();
    send(request, response).catch((reason: unknown) => {
      logger.warn({ reason: String(reason) }, "stand-in failed to answer");
      response.destroy();
    });
  });
  const send = async (request: IncomingMessage, response: ServerResponse) => {
    const { status, headers = {}, body } = await measured(() => answer(request));
    measured(() => {
      response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
      response.end(request.method === "HEAD" ? undefined : body);
    });
  };
  // Longer than proxies keep idle connections, so that it is not this side that closes under a request.
  server.keepAliveTimeout = 75_000;
  const place = network.appAddress(port);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(place.port, place.address, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const exited = new Promise<{ exitCode: number }>((resolve) =>
    server.once("close", () => resolve({ exitCode: 0 })),
  );
  return {
    exited,
    use: { cpuTime: () => busy },
    async stop(graceSeconds) {
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceSeconds * 1000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Keeps a processor busy for about as long as a small web application does for one answer. */
export function burnCpu(rounds: number): number {
  let sum = 0;
  for (let i = 1; i <= rounds; i++) sum += Math.sqrt(i);
  return sum;
}
