/** The server processes of the benches: an API server, or a control plane that reads one. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { openChangeLog } from "../src/apiserver/index.ts";
import { startTestServer } from "../src/apiserver/test-support/start-test-server.ts";
import { silentLogger, systemClock, waitFor } from "../src/base/index.ts";
import { startDiscovery } from "../src/discovery/index.ts";
import { createTestSigner } from "../src/discovery/serve/test-support/test-mesh.ts";
import {
  createHttpTransport,
  createKubeClient,
  type KubeAccess,
  parseKubeconfig,
} from "../src/kube/index.ts";
import { answerRequests } from "./process.ts";

/** What a server process does on request. */
export type ServerRequest =
  | { readonly do: "start API server" }
  | { readonly do: "start control plane"; readonly access: KubeAccess };

export interface ApiAddress {
  /** As an administrator. */
  readonly access: KubeAccess;
}

export interface ControlPlaneAddress {
  /** Of gRPC in the clear. */
  readonly port: number;
  readonly readyMilliseconds: number;
}

answerRequests<ServerRequest>((request) =>
  request.do === "start API server" ? startApi() : startControlPlane(request.access),
);

/** As the engine runs it: over HTTPS, with every change written to a file. */
async function startApi(): Promise<ApiAddress> {
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const changeLog = openChangeLog(path.join(folder, "objects"), { clock: systemClock, log: silentLogger });
  const server = await startTestServer({ changeLog });
  const administrator = server.client("bench", ["system:masters"]);
  return {
    access: {
      server: server.api.url,
      ca: server.caCert,
      clientCert: administrator.cert,
      clientKey: administrator.key,
    },
  };
}

async function startControlPlane(access: KubeAccess): Promise<ControlPlaneAddress> {
  const began = performance.now();
  const ports = new Map<number, number>();
  const discovery = await startDiscovery({
    clusterId: "cluster1",
    instance: "istiod-bench",
    version: "bench",
    systemNamespace: "istio-system",
    client: createKubeClient(createHttpTransport(access)),
    connectRemote: (kubeconfig) => createKubeClient(createHttpTransport(parseKubeconfig(kubeconfig))),
    signer: createTestSigner(),
    listen: (port, onConnection) =>
      new Promise((resolve, reject) => {
        const server = createServer({ noDelay: true }, onConnection);
        server.once("error", reject);
        server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
          const address = server.address();
          if (typeof address === "object" && address !== null) ports.set(port, address.port);
          resolve(() => new Promise((done) => server.close(() => done())));
        });
      }),
    log: silentLogger,
    clock: systemClock,
  });
  await waitFor(() => discovery.isReady || undefined, {
    signal: AbortSignal.timeout(60_000),
    changes: discovery.changes,
  });
  return { port: ports.get(15010) ?? 0, readyMilliseconds: performance.now() - began };
}
