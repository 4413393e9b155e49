import { isApiError, kinds, type Secret } from "../../kube/index.ts";
import { generateKey, type Issuer, issueCertificate, readIssuer } from "../../pki/index.ts";
import type { Cluster } from "../core/cluster.ts";

/** The Secret, beside the controller, that holds the authority which stands in for those on the internet. */
export const localAuthoritySecret = "isthmus-ca";

const year = 365 * 24 * 3_600_000;
const lifetime = 10 * year;
/** Clocks differ a little. */
const backdate = 60_000;

/** The authority in place of ACME servers: made when it is first needed and kept in its Secret. */
export async function localAuthority(cluster: Cluster, namespace: string): Promise<Issuer> {
  const kept =
    cluster.store(kinds.secrets).get(localAuthoritySecret, namespace) ??
    (await cluster.client.get(kinds.secrets, localAuthoritySecret, namespace));
  if (kept !== undefined) return readAuthority(kept);
  const key = generateKey();
  const now = cluster.clock.now();
  const certificate = issueCertificate(
    {
      publicKey: key.publicKey,
      subject: { commonName: `isthmus certificates of ${cluster.name}`, organizations: ["isthmus"] },
      ca: { pathLength: 0 },
      notBefore: now - backdate,
      notAfter: now + lifetime,
    },
    { selfKey: key.privateKey },
  );
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const secret: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: { name: localAuthoritySecret, namespace },
    data: {
      "tls.crt": base64(certificate),
      "tls.key": base64(key.privateKeyPem),
      "ca.crt": base64(certificate),
    },
  };
  try {
    return readAuthority(await cluster.create(kinds.secrets, secret));
  } catch (reason) {
    // Somebody was faster; theirs is the one.
    if (isApiError(reason, 409)) return localAuthority(cluster, namespace);
    throw reason;
  }
}

function readAuthority({ data = {} }: Secret): Issuer {
  const text = (name: string) => Buffer.from(data[name] ?? "", "base64").toString("utf8");
  return readIssuer(text("tls.crt"), text("tls.key"));
}
