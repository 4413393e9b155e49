import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { CaFiles } from "./ca-files.ts";
import { createRoot } from "./create-trust.ts";
import { keyDigest, warnOfPublishedKeys } from "./published-keys.ts";

const caOf = (certificate: string): CaFiles => ({
  "ca-cert.pem": certificate,
  "ca-key.pem": "",
  "root-cert.pem": certificate,
  "cert-chain.pem": certificate,
});

suite("warnOfPublishedKeys()", () => {
  const [own, known] = [createRoot("own", Date.now()), createRoot("known", Date.now())];
  const files = new Map([
    ["main0", caOf(known.certificatePem)],
    ["remote0", caOf(own.certificatePem)],
  ]);

  test("AKS-56 a CA whose key is publicly known is warned of, with its cluster and the way out", () => {
    const [warning, ...more] = warnOfPublishedKeys(files, new Set([keyDigest(known.certificatePem)]));
    assert.deepEqual(more, []);
    assert.equal(warning?.code, "mesh/publicly-known-key");
    assert.match(warning?.message ?? "", /^main0: .* publicly known/);
    assert.match(warning?.hint ?? "", /isthmus trust create/);
  });

  test("a CA of one's own is not", () => {
    assert.deepEqual(warnOfPublishedKeys(files), []);
  });
});
