import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { afterEach, beforeEach, suite, test } from "vitest";
import { createManualClock, type ManualClock } from "../../base/testing/manual-clock.ts";
import { type KubeObject, kinds, type Secret } from "../../kube/index.ts";
import { isSignedBy } from "../../pki/index.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import {
  type Certificate,
  type CertificateSpec,
  certificates,
  clusterIssuers,
  type Issuer,
  issuers,
} from "./certificate-kinds.ts";
import { localAuthoritySecret } from "./local-authority.ts";
import { startCertificates } from "./start-certificates.ts";
import { startIssuers } from "./start-issuers.ts";
import { readUsages } from "./usages.ts";
import { renewalTime } from "./validity.ts";

const home = "cert-manager";
const hour = 3_600_000;
const start = Date.parse("2026-01-01T00:00:00Z");
let clock: ManualClock;
let cluster: TestCluster;

beforeEach(() => {
  clock = createManualClock(start);
  cluster = startTestCluster(
    [
      (inner) => startIssuers(inner, home, issuers),
      (inner) => startIssuers(inner, home, clusterIssuers),
      (inner) => startCertificates(inner, home),
    ],
    clock,
  );
  for (const kind of [certificates, issuers, clusterIssuers]) cluster.api.serve(kind);
});
afterEach(() => cluster.stop());

const issuer = (spec: Issuer["spec"]): Issuer => ({
  apiVersion: "cert-manager.io/v1",
  kind: "Issuer",
  metadata: { name: "own", namespace: "sample" },
  spec,
});
const clusterIssuer = (name: string, spec: Issuer["spec"]): Issuer => ({
  apiVersion: "cert-manager.io/v1",
  kind: "ClusterIssuer",
  metadata: { name },
  spec,
});
const create = (one: Issuer) =>
  one.kind === "Issuer"
    ? cluster.api.client.create(issuers, one)
    : cluster.api.client.create(clusterIssuers, one);
const ask = (spec: Partial<CertificateSpec>, name = "web") =>
  cluster.api.client.create(certificates, {
    apiVersion: "cert-manager.io/v1",
    kind: "Certificate",
    metadata: { name, namespace: "sample" },
    spec: {
      secretName: `${name}-tls`,
      issuerRef: { name: "own" },
      dnsNames: ["web.example.com"],
      privateKey: { algorithm: "ECDSA" },
      ...spec,
    },
  });
const change = (spec: Partial<CertificateSpec>, name = "web") =>
  cluster.api.client.patch(certificates, name, { spec }, { type: "merge", namespace: "sample" });
const get = async (name = "web"): Promise<Certificate> =>
  (await cluster.api.client.get(certificates, name, "sample")) ?? assert.fail("no certificate");
const condition = (object: { readonly status?: Certificate["status"] }, type: string) =>
  object.status?.conditions?.find((one) => one.type === type);
/** The Certificate when it was issued for the nth time. */
const issued = (revision = 1, name = "web") =>
  cluster.eventually(async () => {
    const certificate = await get(name);
    const isReady = condition(certificate, "Ready")?.status === "True";
    return isReady && certificate.status?.revision === revision ? certificate : undefined;
  });
const secretOf = async (name = "web-tls", namespace = "sample"): Promise<Secret> =>
  (await cluster.api.client.get(kinds.secrets, name, namespace)) ?? assert.fail(`no secret ${name}`);
const text = (secret: Secret, field: string) => Buffer.from(secret.data?.[field] ?? "", "base64").toString();
const leaf = async (name?: string) => new X509Certificate(text(await secretOf(name), "tls.crt"));
const eventsOf = async (name = "web") => {
  const events = await cluster.list(kinds.events);
  return events
    .filter((event) => (event["involvedObject"] as KubeObject["metadata"]).name === name)
    .map((event) => `${event["type"]} ${event["reason"]}: ${event["message"]}`);
};

suite("certificates", () => {
  test("a self-signed issuer is ready, and its Certificate becomes a Secret of key and certificate", async () => {
    await create(issuer({ selfSigned: {} }));
    await ask({
      commonName: "web",
      ipAddresses: ["10.0.0.1"],
      uris: ["spiffe://x/y"],
      subject: { organizations: ["acme"] },
      usages: ["digital signature", "server auth"],
      duration: "24h",
      secretTemplate: { labels: { team: "shop" }, annotations: { note: "kept" } },
      additionalOutputFormats: [{ type: "CombinedPEM" }, { type: "DER" }],
    });
    const { status } = await issued();
    assert.deepEqual(
      status?.conditions?.map(({ type, reason, message }) => [type, reason, message]),
      [["Ready", "Ready", "Certificate is up to date and has not expired"]],
    );
    // Five seconds before now, for clocks that differ; a third of the life is left when it is renewed.
    assert.deepEqual(
      [status?.notBefore, status?.notAfter, status?.renewalTime],
      ["2025-12-31T23:59:55Z", "2026-01-01T23:59:55Z", "2026-01-01T15:59:55Z"],
    );
    const secret = await secretOf();
    assert.equal(secret.type, "kubernetes.io/tls");
    assert.equal(secret.metadata.labels?.["team"], "shop");
    assert.equal(secret.metadata.labels?.["controller.cert-manager.io/fao"], "true");
    const annotations = secret.metadata.annotations ?? {};
    assert.equal(annotations["note"], "kept");
    assert.deepEqual(
      [
        "certificate-name",
        "issuer-kind",
        "issuer-name",
        "alt-names",
        "ip-sans",
        "uri-sans",
        "common-name",
      ].map((name) => annotations[`cert-manager.io/${name}`]),
      ["web", "Issuer", "own", "web.example.com", "10.0.0.1", "spiffe://x/y", "web"],
    );
    const certificate = await leaf();
    assert.equal(certificate.subject, "O=acme\nCN=web");
    assert.equal(certificate.subjectAltName, "DNS:web.example.com, URI:spiffe://x/y, IP Address:10.0.0.1");
    assert.ok(certificate.checkPrivateKey(createPrivateKey(text(secret, "tls.key"))));
    assert.match(text(secret, "tls.key"), /^-----BEGIN EC PRIVATE KEY-----/);
    assert.equal(text(secret, "ca.crt"), text(secret, "tls.crt"));
    assert.equal(text(secret, "tls-combined.pem"), text(secret, "tls.key") + text(secret, "tls.crt"));
    assert.ok((secret.data?.["key.der"] ?? "").length > 0);
    await cluster.cluster.events.idle();
    assert.deepEqual(await eventsOf(), [
      "Normal Issuing: Issuing certificate as Secret does not exist",
      "Normal Generated: Generated a new private key",
      "Normal Issuing: The certificate has been successfully issued",
    ]);
  });

  test("RSA of 2048 bits in PKCS #1 unless more is said", async () => {
    await create(issuer({ selfSigned: {} }));
    await ask({ privateKey: {} });
    await issued();
    const pem = text(await secretOf(), "tls.key");
    assert.match(pem, /^-----BEGIN RSA PRIVATE KEY-----/);
    assert.equal(createPrivateKey(pem).asymmetricKeyDetails?.modulusLength, 2048);
  });

  test("a CA issuer waits for its Secret, says so, and signs with it once it is there", async () => {
    await create(issuer({ ca: { secretName: "root-tls" } }));
    await ask({});
    const waiting = await cluster.eventually(async () => {
      const found = await get();
      return condition(found, "Issuing")?.reason === "IssuerNotReady" ? found : undefined;
    });
    assert.deepEqual(
      [condition(waiting, "Ready")?.reason, condition(waiting, "Issuing")?.message],
      [
        "DoesNotExist",
        'Waiting for issuer.cert-manager.io "own": Error getting keypair for CA issuer: secrets "root-tls" not found',
      ],
    );
    const readiness = async () =>
      condition((await cluster.api.client.get(issuers, "own", "sample")) ?? { status: {} }, "Ready");
    await cluster.eventually(async () => (await readiness())?.reason === "ErrGetKeyPair" || undefined);
    await create(clusterIssuer("selfsigned", { selfSigned: {} }));
    const root: Partial<CertificateSpec> = {
      isCA: true,
      commonName: "my root",
      issuerRef: { name: "selfsigned", kind: "ClusterIssuer" },
    };
    await ask(root, "root");
    await issued(1, "root");
    await issued();
    await cluster.eventually(async () => (await readiness())?.reason === "KeyPairVerified" || undefined);
    const secret = await secretOf();
    assert.ok(isSignedBy(text(secret, "tls.crt"), text(await secretOf("root-tls"), "tls.crt")));
    assert.equal(text(secret, "ca.crt"), text(await secretOf("root-tls"), "tls.crt"));
  });

  test("a Secret that is no CA is refused, without a word of its content", async () => {
    await create(issuer({ selfSigned: {} }));
    await ask({});
    await issued();
    await create({
      ...issuer({ ca: { secretName: "web-tls" } }),
      metadata: { name: "wrong", namespace: "sample" },
    });
    const said = await cluster.eventually(async () => {
      const found = await cluster.api.client.get(issuers, "wrong", "sample");
      return found === undefined ? undefined : condition(found, "Ready");
    });
    assert.deepEqual([said.status, said.reason], ["False", "ErrInvalidKeyPair"]);
    assert.match(said.message ?? "", /is not a CA$/);
  });

  test("an ACME issuer contacts nobody, says so, and an authority of the controller's own issues", async () => {
    await create(clusterIssuer("letsencrypt", { acme: { server: "https://acme.example/directory" } }));
    await ask({ issuerRef: { name: "letsencrypt", kind: "ClusterIssuer" } });
    await issued();
    const said = condition((await cluster.api.client.get(clusterIssuers, "letsencrypt")) ?? {}, "Ready");
    assert.deepEqual([said?.status, said?.reason], ["True", "IssuedLocally"]);
    assert.match(said?.message ?? "", /^Not contacted here: in place of https:\/\/acme\.example\/directory/);
    const secret = await secretOf();
    const authority = text(await secretOf(localAuthoritySecret, home), "tls.crt");
    assert.equal(text(secret, "ca.crt"), authority);
    assert.ok(isSignedBy(text(secret, "tls.crt"), authority));
    assert.deepEqual((await leaf()).keyUsage, ["1.3.6.1.5.5.7.3.1"], "for servers");
  });

  test("a certificate is renewed before it ends, with a new key unless the policy is Never", async () => {
    await create(issuer({ selfSigned: {} }));
    await ask({ duration: "24h", renewBefore: "8h" });
    const keeping = { algorithm: "ECDSA", rotationPolicy: "Never" } as const;
    await ask({ duration: "24h", renewBefore: "8h", privateKey: keeping }, "keeping");
    await Promise.all([issued(), issued(1, "keeping")]);
    const before = await Promise.all([secretOf(), secretOf("keeping-tls")]);
    clock.move(15 * hour);
    await cluster.quiet();
    assert.equal((await get()).status?.revision, 1, "not yet");
    clock.move(hour);
    const renewed = await issued(2);
    await issued(2, "keeping");
    assert.equal(renewed.status?.notAfter, "2026-01-02T15:59:55Z");
    const after = await Promise.all([secretOf(), secretOf("keeping-tls")]);
    assert.notEqual(text(after[0], "tls.key"), text(before[0], "tls.key"));
    assert.equal(text(after[1], "tls.key"), text(before[1], "tls.key"));
    for (const i of [0, 1]) assert.notEqual(after[i]?.data?.["tls.crt"], before[i]?.data?.["tls.crt"]);
    await cluster.cluster.events.idle();
    assert.ok(
      (await eventsOf()).includes(
        "Normal Issuing: Renewing certificate as renewal was scheduled at 2026-01-01 15:59:55 +0000 UTC",
      ),
    );
  });

  test("a change of the spec issues anew, and only such as the certificate shows", async () => {
    await create(issuer({ selfSigned: {} }));
    await ask({});
    await issued();
    await change({ dnsNames: ["web.example.com", "www.example.com"] });
    await issued(2);
    assert.equal((await leaf()).subjectAltName, "DNS:web.example.com, DNS:www.example.com");
    await change({ privateKey: { algorithm: "ECDSA", size: 384 } });
    await issued(3);
    assert.equal((await leaf()).publicKey.asymmetricKeyDetails?.namedCurve, "secp384r1");
    await change({
      dnsNames: ["www.example.com", "web.example.com"],
      secretTemplate: { labels: { a: "b" } },
    });
    await cluster.eventually(async () => (await secretOf()).metadata.labels?.["a"]);
    await cluster.quiet();
    assert.equal((await get()).status?.revision, 3, "another order and a label are no reason");
    await cluster.cluster.events.idle();
    const said = await eventsOf();
    for (const message of [
      "Existing issued Secret is not up to date for spec: [spec.dnsNames]",
      "Existing private key is not up to date for spec: [spec.privateKey.size]",
    ])
      assert.ok(said.includes(`Normal Issuing: ${message}`), message);
  });

  test("a Secret that is deleted, or spoilt, is made again; what others put in it stays", async () => {
    await create(issuer({ selfSigned: {} }));
    await ask({});
    await issued();
    await cluster.api.client.delete(kinds.secrets, "web-tls", { namespace: "sample" });
    await issued(2);
    const spoil = { data: { "tls.crt": Buffer.from("none").toString("base64"), more: "bW9yZQ==" } };
    await cluster.api.client.patch(kinds.secrets, "web-tls", spoil, { type: "merge", namespace: "sample" });
    await issued(3);
    assert.equal(text(await secretOf(), "more"), "more");
    assert.ok((await leaf()).checkHost("web.example.com"));
  });

  test("another issuer issues anew", async () => {
    await create(issuer({ selfSigned: {} }));
    await create(clusterIssuer("other", { selfSigned: {} }));
    await ask({});
    await issued();
    await change({ issuerRef: { name: "other", kind: "ClusterIssuer" } });
    await issued(2);
    await cluster.cluster.events.idle();
    assert.ok(
      (await eventsOf()).includes(
        'Normal Issuing: Issuing certificate as Secret was previously issued by "Issuer.cert-manager.io/own"',
      ),
    );
  });

  test("of two Certificates for one Secret the first has it, and the second when the first lets go", async () => {
    await create(issuer({ selfSigned: {} }));
    await ask({});
    await issued();
    await ask({ secretName: "web-tls", dnsNames: ["late.example.com"] }, "late");
    const late = await cluster.eventually(async () => {
      const found = condition(await get("late"), "Ready");
      return found?.status === "False" ? found : undefined;
    });
    assert.equal(late.reason, "IncorrectCertificate");
    assert.match(late.message ?? "", /^Secret was issued for "web"\. If this message is not transient/);
    await cluster.quiet();
    assert.equal((await get()).status?.revision, 1);
    await cluster.api.client.delete(certificates, "web", { namespace: "sample" });
    await issued(1, "late");
    assert.ok((await leaf()).checkHost("late.example.com"));
  });

  test("a policy of Never with a key of another kind asks for the user, and goes on once it is changed", async () => {
    await create(issuer({ selfSigned: {} }));
    await ask({ privateKey: { algorithm: "ECDSA", rotationPolicy: "Never" } });
    await issued();
    await change({ privateKey: { algorithm: "Ed25519", rotationPolicy: "Never" } });
    const stuck = await cluster.eventually(async () => {
      const found = condition(await get(), "Issuing");
      return found?.reason === "CannotRegenerateKey" ? found : undefined;
    });
    assert.match(stuck.message ?? "", /^User intervention required: .*\[spec\.privateKey\.algorithm\]/);
    await change({ privateKey: { algorithm: "Ed25519", rotationPolicy: "Always" } });
    await issued(2);
    assert.equal((await leaf()).publicKey.asymmetricKeyType, "ed25519");
  });

  test("an issuer that is not there, or of a kind not run here, is named; a later one is taken", async () => {
    await ask({});
    const message = () => cluster.eventually(async () => condition(await get(), "Issuing")?.message);
    assert.equal(await message(), 'Referenced "Issuer" not found: issuer.cert-manager.io "own" not found');
    await create(issuer({ vault: {} }));
    await cluster.eventually(
      async () => /Issuers of vault are not run here/.test(await message()) || undefined,
    );
    await cluster.api.client.patch(
      issuers,
      "own",
      { spec: { vault: null, selfSigned: {} } },
      { type: "merge", namespace: "sample" },
    );
    await issued();
  });
});

suite("renewalTime()", () => {
  const life = { notBefore: 0, notAfter: 90 * hour };
  const spec = { secretName: "s", issuerRef: { name: "i" } };
  for (const [more, wanted] of [
    [{}, 60 * hour],
    [{ renewBefore: "10h" }, 80 * hour],
    [{ renewBefore: "100h" }, 60 * hour],
    [{ renewBeforePercentage: 10 }, 81 * hour],
  ] as const) {
    test(`${JSON.stringify(more)}: after ${wanted / hour} of 90 hours`, () =>
      assert.equal(renewalTime({ ...spec, ...more }, life), wanted));
  }
});

suite("readUsages()", () => {
  test("both words for signatures are one, and a CA signs certificates whatever is asked", () => {
    assert.deepEqual(readUsages(["signing", "digital signature", "any"], true), {
      keyUsages: ["digitalSignature", "keyCertSign"],
      extendedKeyUsages: ["anyExtendedKeyUsage"],
    });
  });
});
