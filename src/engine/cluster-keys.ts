import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { generateKey, type Issuer, issueCertificate, readIssuer } from "../pki/index.ts";

const day = 24 * 3600 * 1000;
const backdate = 60_000;

/** Keys of one cluster's API: kept over restarts, so that kubeconfigs and tokens stay good. All PEM. */
export interface ClusterKeys {
  readonly caCert: string;
  readonly serverKey: string;
  readonly serverCert: string;
  readonly adminKey: string;
  readonly adminCert: string;
  /** Signs service account tokens. */
  readonly serviceAccountKey: string;
}

interface StoredKeys {
  readonly caCert: string;
  readonly caKey: string;
  readonly serviceAccountKey: string;
}

/**
 * Reads the cluster's keys from `folder`, or makes and writes them (owner only). The serving and the admin
 * certificate are made anew at every start: they are cheap, and the API's address may have moved.
 */
export function clusterKeys(
  folder: string | undefined,
  cluster: string,
  apiAddress: string,
  now: number,
): ClusterKeys {
  const file = folder === undefined ? undefined : path.join(folder, "keys.json");
  const stored =
    file !== undefined && existsSync(file)
      ? (JSON.parse(readFileSync(file, "utf8")) as StoredKeys)
      : makeKeys(cluster, now);
  if (file !== undefined && !existsSync(file)) {
    writeFileSync(file, JSON.stringify(stored), { mode: 0o600 });
    chmodSync(file, 0o600);
  }
  const issuer = readIssuer(stored.caCert, stored.caKey);
  const server = generateKey();
  const admin = generateKey();
  const validity = { notBefore: now - backdate, notAfter: now + 3650 * day };
  return {
    caCert: stored.caCert,
    serviceAccountKey: stored.serviceAccountKey,
    serverKey: server.privateKeyPem,
    serverCert: serverCertificate(issuer, server.publicKey, apiAddress, validity),
    adminKey: admin.privateKeyPem,
    adminCert: issueCertificate(
      {
        publicKey: admin.publicKey,
        subject: { commonName: "kubernetes-admin", organizations: ["system:masters"] },
        ...validity,
      },
      issuer,
    ),
  };
}

function serverCertificate(
  issuer: Issuer,
  publicKey: ReturnType<typeof generateKey>["publicKey"],
  apiAddress: string,
  validity: { readonly notBefore: number; readonly notAfter: number },
): string {
  const dnsNames = [
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
  ];
  const block = apiAddress.split(".")[1];
  return issueCertificate(
    {
      publicKey,
      subject: { commonName: "kube-apiserver" },
      dnsNames,
      // The API's own address, the ClusterIP of default/kubernetes, and loopback for tunnels.
      addresses: [apiAddress, `127.${block}.128.1`, "127.0.0.1"],
      ...validity,
    },
    issuer,
  );
}

function makeKeys(cluster: string, now: number): StoredKeys {
  const ca = generateKey();
  const caCert = issueCertificate(
    {
      publicKey: ca.publicKey,
      subject: { commonName: `${cluster} kubernetes` },
      ca: {},
      notBefore: now - backdate,
      notAfter: now + 3650 * day,
    },
    { selfKey: ca.privateKey },
  );
  return { caCert, caKey: ca.privateKeyPem, serviceAccountKey: generateKey().privateKeyPem };
}
