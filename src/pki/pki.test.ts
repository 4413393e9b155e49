import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { suite, test } from "vitest";
import {
  certificateInfo,
  createCsr,
  generateKey,
  isSignedBy,
  issueCertificate,
  keyMatches,
  readCsr,
  readIssuer,
  splitPem,
} from "./index.ts";

const day = 24 * 3600 * 1000;
const notBefore = Date.UTC(2026, 0, 1);

function root() {
  const key = generateKey();
  const pem = issueCertificate(
    {
      publicKey: key.publicKey,
      subject: { commonName: "root", organizations: ["test"] },
      ca: {},
      notBefore,
      notAfter: notBefore + 365 * day,
    },
    { selfKey: key.privateKey },
  );
  return { pem, issuer: readIssuer(pem, key.privateKeyPem), key };
}

suite("issueCertificate()", () => {
  test("a leaf carries its names, its times and its issuer's name, and the issuer's key verifies it", () => {
    const { pem, issuer } = root();
    const key = generateKey();
    const leaf = issueCertificate(
      {
        publicKey: key.publicKey,
        uris: ["spiffe://cluster.local/ns/sample/sa/sleep"],
        dnsNames: ["istiod.istio-system.svc"],
        addresses: ["127.16.0.1"],
        notBefore,
        notAfter: notBefore + day,
      },
      issuer,
    );
    const certificate = new X509Certificate(leaf);
    assert.equal(certificate.issuer, "O=test\nCN=root");
    assert.match(certificate.subjectAltName ?? "", /URI:spiffe:\/\/cluster.local\/ns\/sample\/sa\/sleep/);
    assert.ok(certificate.checkIP("127.16.0.1"));
    assert.equal(certificateInfo(leaf).notAfter, notBefore + day);
    assert.ok(isSignedBy(leaf, pem));
    assert.ok(keyMatches(leaf, key.privateKeyPem));
    assert.equal(certificateInfo(leaf).isCa, false);
  });

  test("an intermediate is a CA and signs leaves; another root did not sign it", () => {
    const { pem, issuer } = root();
    const key = generateKey();
    const intermediate = issueCertificate(
      {
        publicKey: key.publicKey,
        subject: { commonName: "intermediate" },
        ca: { pathLength: 0 },
        notBefore,
        notAfter: notBefore + day,
      },
      issuer,
    );
    assert.ok(certificateInfo(intermediate).isCa);
    assert.ok(isSignedBy(intermediate, pem));
    assert.ok(!isSignedBy(intermediate, root().pem));
    assert.equal(splitPem(intermediate + pem).length, 2);
  });

  test("times after 2049 survive", () => {
    const key = generateKey();
    const notAfter = Date.UTC(2061, 5, 1);
    const pem = issueCertificate(
      { publicKey: key.publicKey, ca: {}, notBefore, notAfter },
      { selfKey: key.privateKey },
    );
    assert.equal(certificateInfo(pem).notAfter, notAfter);
  });
});

suite("readCsr()", () => {
  test("gives back the key and the names that were asked for", () => {
    const key = generateKey();
    const uri = "spiffe://cluster.local/ns/a/sa/b";
    const request = readCsr(createCsr(key, { uris: [uri] }));
    assert.deepEqual(request.uris, [uri]);
    assert.ok(request.publicKey.equals(key.publicKey));
    assert.deepEqual(readCsr(createCsr(key)).uris, []);
  });

  test("refuses a request whose signature is by another key", () => {
    const [mine, other] = [
      createCsr(generateKey(), { uris: ["spiffe://a/b"] }),
      createCsr(generateKey(), { uris: ["spiffe://a/b"] }),
    ];
    const body = (pem: string) => Buffer.from(pem.replace(/-----.*-----/g, ""), "base64");
    const forged = Buffer.concat([body(mine).subarray(0, -64), body(other).subarray(-64)]).toString("base64");
    assert.throws(() =>
      readCsr(`-----BEGIN CERTIFICATE REQUEST-----\n${forged}\n-----END CERTIFICATE REQUEST-----\n`),
    );
  });

  for (const text of [
    "",
    "nonsense",
    "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----",
  ]) {
    test(`refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
      assert.throws(() => readCsr(text), RangeError);
    });
  }
});
