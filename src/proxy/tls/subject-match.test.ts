import assert from "node:assert/strict";
import { createHash, createPublicKey, X509Certificate } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { suite, test } from "vitest";
import { generateKey, issueCertificate } from "../../pki/index.ts";
import { CertificateValidationContextSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { makeRoot } from "../testing/world.ts";
import { readPeerCertificate } from "./peer-certificate.ts";
import { compileSubjectTest } from "./subject-match.ts";

suite("which certificates of a trust root are wanted", () => {
  const key = generateKey();
  const pem = issueCertificate(
    {
      publicKey: key.publicKey,
      dnsNames: ["a.example"],
      notBefore: Date.now(),
      notAfter: Date.now() + 60_000,
    },
    makeRoot("test root"),
  );
  const certificate = readPeerCertificate(new X509Certificate(pem));
  const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes);
  const hash = sha256(new X509Certificate(pem).raw).digest("hex");
  const keyDer = createPublicKey(key.privateKeyPem).export({ type: "spki", format: "der" });
  const spki = sha256(keyDer).digest("base64");
  const colons = hash.toUpperCase().match(/../g)?.join(":") ?? "";
  const otherHash = hash.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
  const otherSpki = sha256(Buffer.from("another key")).digest("base64");
  const named = (exact: string) => ({
    matchSubjectAltNames: [{ matchPattern: { case: "exact" as const, value: exact } }],
  });

  test.each<[string, MessageInitShape<typeof CertificateValidationContextSchema>, boolean | undefined]>([
    ["all, when nothing is said", {}, undefined],
    ["one with a wanted name", named("a.example"), true],
    ["not one with other names", named("b.example"), false],
    ["one with a wanted hash", { verifyCertificateHash: [otherHash, hash] }, true],
    ["one with a wanted hash, as openssl writes it", { verifyCertificateHash: [colons] }, true],
    ["not one with another hash", { verifyCertificateHash: [otherHash] }, false],
    ["one with a wanted key", { verifyCertificateSpki: [spki] }, true],
    ["not one with another key", { verifyCertificateSpki: [otherSpki] }, false],
    [
      "one with another hash and a wanted key",
      { verifyCertificateHash: [otherHash], verifyCertificateSpki: [spki] },
      true,
    ],
    [
      "not one with a wanted key and other names",
      { ...named("b.example"), verifyCertificateSpki: [spki] },
      false,
    ],
    [
      "not one with a wanted name and another key",
      { ...named("a.example"), verifyCertificateSpki: [otherSpki] },
      false,
    ],
  ])("%s", (_title, context, expected) => {
    const wanted = compileSubjectTest(create(CertificateValidationContextSchema, context), "here");
    assert.equal(wanted?.(certificate), expected);
  });
});
