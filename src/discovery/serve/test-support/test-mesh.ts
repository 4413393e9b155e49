import { createServer, type Socket } from "node:net";
import { createSignal, silentLogger, systemClock } from "../../../base/index.ts";
import { type KubeObject, readKubeconfig } from "../../../kube/index.ts";
import { generateKey, issueCertificate, readCsr, readIssuer } from "../../../pki/index.ts";
import type { CertificateSigner, Discovery } from "../../contracts.ts";
import { startDiscovery } from "../start-discovery.ts";
import { createMemoryApi, type MemoryApi } from "./memory-api.ts";

/** A control plane over in-memory APIs, listening on loopback ports of its own. */
export interface TestMesh {
  readonly api: MemoryApi;
  readonly discovery: Discovery;
  readonly signer: CertificateSigner;
  /** Port of this machine where istiod's `port` is. */
  portOf(port: number): number;
  /** The API that the kubeconfig with cluster `name` leads to. */
  remote(name: string): MemoryApi;
  stop(): Promise<void>;
}

export async function startTestMesh(objects: readonly KubeObject[] = []): Promise<TestMesh> {
  const api = createMemoryApi();
  for (const object of objects) api.put(object);
  const ports = new Map<number, number>();
  const remotes = new Map<string, MemoryApi>();
  const remote = (name: string) => {
    const known = remotes.get(name) ?? createMemoryApi();
    remotes.set(name, known);
    return known;
  };
  const signer = createTestSigner();
  const discovery = await startDiscovery(
    {
      clusterId: "c1",
      instance: "istiod-0",
      version: "1.31.1",
      systemNamespace: "istio-system",
      client: api.client,
      connectRemote(kubeconfig) {
        const { contexts, currentContext } = readKubeconfig(kubeconfig);
        const chosen = contexts.get(currentContext);
        if (chosen === undefined) throw new Error("the kubeconfig has no current context");
        return remote(chosen.cluster).client;
      },
      signer,
      async listen(port, onConnection) {
        const server = createServer((socket: Socket) => onConnection(socket));
        await new Promise<void>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, "127.0.0.1", resolve);
        });
        const address = server.address();
        if (typeof address === "object" && address !== null) ports.set(port, address.port);
        return () => new Promise<void>((resolve) => server.close(() => resolve()));
      },
      log: silentLogger,
      clock: systemClock,
    },
    {
      createInjection: () => (path, body) => ({ path, body }),
      startUpkeep() {},
    },
  );
  return {
    api,
    discovery,
    signer,
    portOf: (port) => ports.get(port) ?? 0,
    remote,
    stop: () => discovery.stop(),
  };
}

/** A root that signs directly. */
export function createTestSigner(): CertificateSigner {
  const rootKey = generateKey();
  const now = Date.now();
  const lasts = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
  const rootPem = issueCertificate(
    { publicKey: rootKey.publicKey, subject: { organizations: ["test"] }, ca: {}, ...lasts },
    { selfKey: rootKey.privateKey },
  );
  const issuer = readIssuer(rootPem, rootKey.privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  return {
    rootPem,
    sign(csrPem, uris, lifetimeSeconds) {
      const { publicKey } = readCsr(csrPem);
      const leaf = issueCertificate(
        { publicKey, uris, notBefore: now - 60_000, notAfter: Date.now() + lifetimeSeconds * 1000 },
        issuer,
      );
      return [leaf, rootPem];
    },
    serverCertificate(dnsNames) {
      const key = generateKey();
      const chain = issueCertificate({ publicKey: key.publicKey, dnsNames, ...lasts }, issuer);
      return { key: key.privateKey.export({ type: "pkcs8", format: "pem" }).toString(), chain };
    },
    changes: createSignal(),
  };
}
