import { connect, type Socket } from "node:net";
import { silentLogger, systemClock } from "../../base/index.ts";
import { generateKey, issueCertificate, readIssuer } from "../../pki/index.ts";
import type { ApiServer, ApiServerOptions, PodConnector } from "../contracts.ts";
import { startApiServer } from "../start-api-server.ts";

/** An API server for tests with everything a client needs to dial it. */
export interface TestServer {
  readonly api: ApiServer;
  readonly caCert: string;
  /** Key and certificate of a client, PEM. Groups are organizations. */
  client(name: string, groups: readonly string[]): { readonly key: string; readonly cert: string };
}

const hour = 3_600_000;

const noPods: PodConnector = {
  logs() {
    throw new Error("no pods run here");
  },
  exec: () => Promise.reject(new Error("no pods run here")),
  attach: () => Promise.reject(new Error("no pods run here")),
  portForward: () => Promise.reject(new Error("no pods run here")),
  usage: async () => [],
};

/** Starts an API server on a port of its own of 127.0.0.1, with a certificate authority of its own. */
export async function startTestServer(options: Partial<ApiServerOptions> = {}): Promise<TestServer> {
  const validity = { notBefore: Date.now() - hour, notAfter: Date.now() + 24 * hour };
  const ca = generateKey();
  const caCert = issueCertificate(
    { publicKey: ca.publicKey, subject: { commonName: "test kubernetes" }, ca: {}, ...validity },
    { selfKey: ca.privateKey },
  );
  const issuer = readIssuer(caCert, ca.privateKeyPem);
  const server = generateKey();
  const cert = issueCertificate(
    {
      publicKey: server.publicKey,
      subject: { commonName: "kube-apiserver" },
      dnsNames: ["localhost", "kubernetes", "kubernetes.default.svc"],
      addresses: ["127.0.0.1"],
      ...validity,
    },
    issuer,
  );
  const api = await startApiServer({
    cluster: "test",
    listen: { host: "127.0.0.1", port: 0 },
    tls: { key: server.privateKeyPem, cert },
    clientCa: caCert,
    serviceAccountKey: generateKey().privateKeyPem,
    kubernetesVersion: "1.33.1",
    serviceRange: { first: "127.99.128.1", last: "127.99.191.254" },
    pods: noPods,
    dial: (address, port): Socket => connect({ host: address, port }),
    clock: systemClock,
    log: silentLogger,
    ...options,
  });
  return {
    api,
    caCert,
    client(name, groups) {
      const pair = generateKey();
      const made = issueCertificate(
        { publicKey: pair.publicKey, subject: { commonName: name, organizations: groups }, ...validity },
        issuer,
      );
      return { key: pair.privateKeyPem, cert: made };
    },
  };
}
