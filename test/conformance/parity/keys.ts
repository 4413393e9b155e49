import { generateKey, type Issuer, issueCertificate } from "../../../src/pki/index.ts";
import { makeRevocationList } from "../../../src/pki/testing/revocation-list.ts";
import { type MutableSecrets, makeRoot, makeSecrets, tlsSecret } from "../../../src/proxy/testing/world.ts";
import type { AppKeys } from "./apps.ts";
import type { TlsIdentity } from "./ask.ts";
import type { TlsClient } from "./case.ts";

/** All keys of the world; both stages use the same, so that what proxies tell of certificates can be compared. */
export interface Keys {
  /** What the agent of a workload has. */
  secrets(serviceAccount: string): MutableSecrets;
  /** The client certificate that `tls` names. */
  client(tls: TlsClient): TlsIdentity | undefined;
  app(spiffe: string | undefined): AppKeys;
  /**
   * Kubernetes Secrets for gateways, as YAML: "shop-cert", "vendor-cert", and "shop-mutual", which trusts clients of
   * the mesh's root; "shop-revoking" does too, all but those that are called `revokedClient`.
   */
  readonly kubernetesSecrets: string;
}

/** Clients with this SPIFFE id have a certificate that "shop-revoking" revokes. */
export const revokedClient = "spiffe://cluster.local/ns/shop/sa/revoked";

const day = 86_400_000;

export function makeKeys(): Keys {
  const mesh = makeRoot("mesh root");
  const web = makeRoot("web root");
  const stranger = makeRoot("another root");
  const clients = new Map<string, TlsIdentity>();
  const workloads = new Map<string, { readonly cert: string; readonly key: string }>();

  const issue = (issuer: Issuer, names: { readonly uris?: string[]; readonly dnsNames?: string[] }) => {
    const key = generateKey();
    const cert = issueCertificate(
      { publicKey: key.publicKey, ...names, notBefore: Date.now() - day, notAfter: Date.now() + day },
      issuer,
    );
    return { cert, key: key.privateKeyPem };
  };
  const secret = (name: string, { cert, key }: TlsIdentity, ca?: string, crl?: string) =>
    `{apiVersion: v1, kind: Secret, type: kubernetes.io/tls, metadata: {name: ${name}, namespace: shop}, data: {tls.crt: ${base64(cert)}, tls.key: ${base64(key)}${ca === undefined ? "" : `, ca.crt: ${base64(ca)}`}${crl === undefined ? "" : `, ca.crl: ${base64(crl)}`}}}`;
  const shop = issue(web, { dnsNames: ["shop.example.com", "*.shop.example.com"] });
  const revoked = issue(mesh, { uris: [revokedClient] });
  clients.set(`${revokedClient} false`, revoked);
  const vendor = issue(web, { dnsNames: ["vendor.example.com"] });
  return {
    secrets(serviceAccount) {
      const id = `spiffe://cluster.local/ns/shop/sa/${serviceAccount}`;
      const made = makeSecrets(mesh, id);
      let known = workloads.get(id);
      if (known === undefined) {
        known = issue(mesh, { uris: [id] });
        workloads.set(id, known);
      }
      made.put("default", tlsSecret("default", known.cert, known.key));
      return made;
    },
    client({ as, stranger: isStranger }) {
      if (as === undefined) return undefined;
      const key = `${as} ${isStranger === true}`;
      let known = clients.get(key);
      if (known === undefined) {
        known = issue(isStranger === true ? stranger : mesh, { uris: [as] });
        clients.set(key, known);
      }
      return known;
    },
    app(spiffe) {
      return spiffe === undefined
        ? { ...issue(web, { dnsNames: ["secure.example.com"] }), ca: mesh.certificatePem }
        : { ...issue(mesh, { uris: [spiffe] }), ca: mesh.certificatePem };
    },
    kubernetesSecrets: [
      secret("shop-cert", shop),
      secret("vendor-cert", vendor),
      secret("shop-mutual", shop, mesh.certificatePem),
      secret("shop-revoking", shop, mesh.certificatePem, makeRevocationList(mesh, [revoked.cert])),
      `{apiVersion: v1, kind: Secret, metadata: {name: web-ca, namespace: shop}, data: {ca.crt: ${base64(web.certificatePem)}}}`,
    ].join("\n---\n"),
  };
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
