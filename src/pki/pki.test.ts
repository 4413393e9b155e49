import assert from "node:assert/strict";
import { createPublicKey, X509Certificate } from "node:crypto";
import { suite, test } from "vitest";
import {
  certificateInfo,
  createCsr,
  generateKey,
  generateKeyOf,
  isSignedBy,
  issueCertificate,
  type KeyType,
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

  test("subject, usages and addresses of both kinds are as asked for, whatever the keys' algorithms", async () => {
    const types: readonly KeyType[] = [
      { algorithm: "RSA", size: 2048 },
      { algorithm: "ECDSA", size: 384 },
      { algorithm: "Ed25519" },
    ];
    for (const type of types) {
      const privateKey = await generateKeyOf(type);
      const pem = issueCertificate(
        {
          publicKey: createPublicKey(privateKey),
          subject: { commonName: "it", organizationalUnits: ["unit"], countries: ["NL"], serialNumber: "7" },
          dnsNames: ["a.example"],
          emails: ["me@a.example"],
          addresses: ["10.0.0.1", "2001:db8::1:0", "::ffff:1.2.3.4", "nonsense"],
          keyUsages: ["digitalSignature", "keyAgreement"],
          extendedKeyUsages: ["serverAuth", "codeSigning"],
          notBefore,
          notAfter: notBefore + day,
        },
        { selfKey: privateKey },
      );
      const certificate = new X509Certificate(pem);
      assert.ok(certificate.verify(certificate.publicKey), type.algorithm);
      assert.equal(certificate.subject, "C=NL\nOU=unit\nCN=it\nserialNumber=7");
      assert.equal(
        certificate.subjectAltName,
        "DNS:a.example, email:me@a.example, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:1:0, IP Address:0:0:0:0:0:FFFF:102:304",
      );
      assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.3"]);
      // BIT STRING of digitalSignature (0) and keyAgreement (4): three unused bits.
      assert.ok(certificate.raw.includes(Buffer.from([0x03, 0x02, 0x03, 0x88])));
    }
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
