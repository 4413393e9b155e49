/** The process of the bench's manager. */
import { createServer } from "node:net";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import { createHttpTransport, type KubeAccess } from "../../src/kube/index.ts";
import { runManager } from "../../src/management/index.ts";
import { answerRequests } from "../process.ts";

export interface ManagerRequest {
  readonly do: "start manager";
  /** The management cluster's API. */
  readonly access: KubeAccess;
}

export interface ManagerAddress {
  /** Where agents call it. */
  readonly relayPort: number;
}

answerRequests<ManagerRequest>(async ({ access }): Promise<ManagerAddress> => {
  const ports = new Map<string, number>();
  await runManager({
    api: createHttpTransport(access),
    identity: "bench",
    hostSuffix: "global",
    listen: (port, onConnection) =>
      new Promise((resolve, reject) => {
        const server = createServer({ noDelay: true }, onConnection);
        server.once("error", reject);
        server.listen(0, "127.0.0.1", () => {
          const address = server.address();
          if (typeof address === "object" && address !== null) ports.set(port, address.port);
          resolve(() => new Promise((done) => server.close(() => done())));
        });
      }),
    clock: systemClock,
    log: silentLogger,
  });
  return { relayPort: ports.get("relay") ?? 0 };
});
