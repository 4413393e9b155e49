import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeClient, KubeObject } from "../../kube/index.ts";
import { certificatesOf, generateKey, type Issuer, issueCertificate, readIssuer } from "../../pki/index.ts";
import { findDisagreements, type ProxyTrust } from "./find-disagreements.ts";

const dates = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };

function authority(name: string, issuer?: Issuer) {
  const key = generateKey();
  const pem = issueCertificate(
    { publicKey: key.publicKey, subject: { commonName: name }, ca: {}, ...dates },
    issuer ?? { selfKey: key.privateKey },
  );
  return { pem, issuer: readIssuer(pem, key.privateKeyPem) };
}

const [old, next] = [authority("old root"), authority("new root")];
const [signing, before] = [authority("signing", next.issuer), authority("before", old.issuer)];
const leafOf = ({ issuer }: { readonly issuer: Issuer }) =>
  issueCertificate({ publicKey: generateKey().publicKey, uris: ["spiffe://a/b"], ...dates }, issuer);

const both = old.pem + next.pem;
const retired = new Set(certificatesOf(old.pem).keys());
const nobody = new Set<string>();
const proxy = (roots: string | undefined, signer = signing): ProxyTrust => ({
  cluster: "fra",
  name: "web.shop",
  roots,
  chain: roots === undefined ? undefined : leafOf(signer) + signer.pem,
});

interface Holders {
  readonly configMap?: string;
  readonly webhook?: string;
}

/** A cluster that shall believe `roots`. */
function cluster(roots: string, { configMap = roots, webhook = roots }: Holders = {}) {
  const caBundle = Buffer.from(webhook).toString("base64");
  const objects: Readonly<Record<string, readonly object[]>> = {
    configmaps: [
      { metadata: { name: "istio-ca-root-cert", namespace: "shop" }, data: { "root-cert.pem": configMap } },
    ],
    mutatingwebhookconfigurations: [
      {
        metadata: { name: "istio-sidecar-injector" },
        webhooks: [{ name: "namespace.sidecar-injector.istio.io", clientConfig: { caBundle } }],
      },
    ],
  };
  const client = {
    list: async ({ plural }: { plural: string }) => ({
      items: (objects[plural] ?? []) as KubeObject[],
      resourceVersion: "1",
    }),
  };
  return { name: "fra", client: client as unknown as KubeClient, roots, intermediate: signing.pem };
}

suite("findDisagreements()", () => {
  const cases = [
    { what: "everybody holds both roots", of: cluster(both), by: proxy(both), retired: nobody, says: [] },
    { what: "everybody holds the new one", of: cluster(next.pem), by: proxy(next.pem), retired, says: [] },
    {
      what: "a ConfigMap without the new root",
      of: cluster(both, { configMap: old.pem }),
      by: proxy(both),
      retired: nobody,
      says: ["fra: ConfigMap shop/istio-ca-root-cert lacks a root"],
    },
    {
      what: "a webhook that is called with the old root only",
      of: cluster(both, { webhook: old.pem }),
      by: proxy(both),
      retired: nobody,
      says: ["fra: webhook namespace.sidecar-injector.istio.io of istio-sidecar-injector lacks a root"],
    },
    {
      what: "a proxy without the new root",
      of: cluster(both),
      by: proxy(old.pem),
      retired: nobody,
      says: ["fra: web.shop lacks a root"],
    },
    {
      what: "a proxy whose certificate is of the intermediate before",
      of: cluster(both),
      by: proxy(both, before),
      retired: nobody,
      says: ["fra: web.shop has a certificate of the intermediate before"],
    },
    {
      what: "a proxy that believes a retired root",
      of: cluster(next.pem),
      by: proxy(both),
      retired,
      says: ["fra: web.shop still believes a root that gives way"],
    },
    {
      what: "a proxy that does not answer",
      of: cluster(both),
      by: proxy(undefined),
      retired: nobody,
      says: ["fra: web.shop does not say what it holds"],
    },
  ];
  for (const { what, of, by, retired: gone, says } of cases) {
    test(what, async () => {
      assert.deepEqual(await findDisagreements([of], [by], gone), says);
    });
  }
});
