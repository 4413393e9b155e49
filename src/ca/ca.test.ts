import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, suite, test } from "vitest";
import { type Clock, IsthmusError, systemClock } from "../base/index.ts";
import { certificateInfo, createCsr, generateKey, isSignedBy, splitPem } from "../pki/index.ts";
import {
  type CaFiles,
  caFileNames,
  checkCaFiles,
  checkSameRoot,
  createAuthority,
  createIntermediate,
  createRoot,
  createTrust,
  readCaFiles,
} from "./index.ts";

const now = Date.UTC(2026, 5, 1);
const clock: Clock = { ...systemClock, now: () => now };
const withCode = (code: string) => (reason: unknown) =>
  reason instanceof IsthmusError && reason.code === code;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "isthmus-ca-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

suite("createTrust()", () => {
  test("writes Istio's four files, keys for the owner only", () => {
    createTrust(folder, { mesh: "demo", clusters: [], now });
    for (const name of caFileNames) assert.ok(existsSync(path.join(folder, name)), name);
    assert.equal(statSync(path.join(folder, "ca-key.pem")).mode & 0o777, 0o600);
    assert.equal(statSync(path.join(folder, "root-key.pem")).mode & 0o777, 0o600);
    assert.doesNotThrow(() => readCaFiles(folder, "any", now));
  });

  test("gives each cluster an intermediate of its own under one root, also a cluster that comes later", () => {
    createTrust(folder, { mesh: "demo", clusters: ["a", "b"], now });
    createTrust(folder, { mesh: "demo", clusters: ["a", "c"], now });
    const files = ["a", "b", "c"].map((cluster) => readCaFiles(folder, cluster, now));
    assert.equal(new Set(files.map((one) => one["root-cert.pem"])).size, 1);
    assert.equal(new Set(files.map((one) => one["ca-cert.pem"])).size, 3);
  });

  test("makes anew what was cut off half-made, by itself and beside others", () => {
    const fresh = path.join(folder, "fresh");
    for (const half of [`${fresh}.new`, path.join(fresh, "b")]) {
      mkdirSync(half, { recursive: true });
      writeFileSync(path.join(half, "ca-key.pem"), "half");
      createTrust(fresh, { mesh: "demo", clusters: [half === `${fresh}.new` ? "a" : "b"], now });
      if (half === `${fresh}.new`) assert.deepEqual(readdirSync(folder), ["fresh"]);
    }
    for (const cluster of ["a", "b"]) assert.doesNotThrow(() => readCaFiles(fresh, cluster, now));
  });

  test("never overwrites keys", () => {
    createTrust(folder, { mesh: "demo", clusters: ["a"], now });
    assert.throws(
      () => createTrust(folder, { mesh: "demo", clusters: ["a"], now }),
      withCode("trust/exists"),
    );
  });
});

suite("checkCaFiles()", () => {
  const root = createRoot("demo", now);
  const good = createIntermediate(root, "a", now);
  const other = createIntermediate(createRoot("other", now), "a", now);
  const cases: readonly {
    readonly what: string;
    readonly files: CaFiles;
    readonly at?: number;
    readonly code: string;
  }[] = [
    {
      what: "another CA's key",
      files: { ...good, "ca-key.pem": other["ca-key.pem"] },
      code: "trust/key-mismatch",
    },
    {
      what: "another root",
      files: { ...good, "root-cert.pem": other["root-cert.pem"] },
      code: "trust/not-signed-by-root",
    },
    { what: "no PEM", files: { ...good, "ca-cert.pem": "hello" }, code: "trust/unreadable" },
    {
      what: "an expired certificate",
      files: good,
      at: now + 3 * 365 * 24 * 3600 * 1000,
      code: "trust/expired",
    },
    { what: "a clock before the certificate's time", files: good, at: now - 3600_000, code: "trust/expired" },
  ];
  for (const { what, files, at = now, code } of cases) {
    test(`AKS-41 ${what} is ${code}`, () => {
      assert.throws(() => checkCaFiles(files, "certs", at), withCode(code));
    });
  }

  test("AKS-41 a missing file is named", () => {
    createTrust(folder, { mesh: "demo", clusters: ["a"], now });
    rmSync(path.join(folder, "a/cert-chain.pem"));
    assert.throws(() => readCaFiles(folder, "a", now), /lacks cert-chain\.pem/);
  });

  test("an error never quotes the key", () => {
    createTrust(folder, { mesh: "demo", clusters: [], now });
    writeFileSync(
      path.join(folder, "ca-key.pem"),
      "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
    );
    assert.throws(
      () => readCaFiles(folder, "a", now),
      (reason) => withCode("trust/unreadable")(reason) && !String(reason).includes("c2VjcmV0"),
    );
  });
});

suite("checkSameRoot()", () => {
  test("AKS-40 two roots are refused with both fingerprints", () => {
    const [one, two] = [createRoot("one", now), createRoot("two", now)];
    const clusters = new Map([
      ["main0", createIntermediate(one, "main0", now)],
      ["remote0", createIntermediate(two, "remote0", now)],
    ]);
    assert.throws(
      () => checkSameRoot(clusters),
      (reason) => {
        assert.ok(withCode("trust/different-roots")(reason));
        assert.match(
          String(reason),
          /clusters main0 and remote0 have different root certificates \(fingerprints /,
        );
        assert.ok(String(reason).includes(certificateInfo(one.certificatePem).fingerprint));
        return true;
      },
    );
  });

  test("GLOO-45 where their trust domains differ too, both are told, and that roots can be exchanged", () => {
    const clusters = new Map(
      ["cluster-1", "cluster-2"].map((name) => [name, createIntermediate(createRoot(name, now), name, now)]),
    );
    assert.throws(
      () => checkSameRoot(clusters, (cluster) => `${cluster}.example`),
      (reason) => {
        assert.ok(reason instanceof IsthmusError && reason.code === "trust/different-roots");
        assert.match(
          reason.message,
          /cluster-1 \(trust domain cluster-1\.example\) and cluster-2 \(trust domain cluster-2\.example\) have different root certificates \(fingerprints /,
        );
        assert.match(reason.nextStep ?? "", /trust\.exchangeRoots: true/);
        return true;
      },
    );
  });

  test("two intermediates of one root are fine", () => {
    const root = createRoot("one", now);
    checkSameRoot(
      new Map([
        ["a", createIntermediate(root, "a", now)],
        ["b", createIntermediate(root, "b", now)],
      ]),
    );
  });
});

suite("createAuthority()", () => {
  const root = createRoot("demo", now);
  const authority = createAuthority(createIntermediate(root, "a", now), clock);

  test("certifies the identity it is told, not the one the request asks for", () => {
    const csr = createCsr(generateKey(), { uris: ["spiffe://cluster.local/ns/kube-system/sa/admin"] });
    const chain = authority.sign(csr, ["spiffe://cluster.local/ns/sample/sa/sleep"], 3600);
    assert.equal(chain.length, 3);
    const [leaf = "", intermediate = "", top = ""] = chain;
    assert.deepEqual(certificateInfo(leaf).uris, ["spiffe://cluster.local/ns/sample/sa/sleep"]);
    assert.equal(certificateInfo(leaf).notAfter, now + 3600_000);
    assert.ok(isSignedBy(leaf, intermediate) && isSignedBy(intermediate, top));
    assert.equal(top, root.certificatePem);
  });

  test("nothing signed outlives the intermediate", () => {
    const [leaf = ""] = authority.sign(createCsr(generateKey()), ["spiffe://a/b"], 100 * 365 * 24 * 3600);
    assert.equal(certificateInfo(leaf).notAfter, authority.notAfter);
  });

  test("a serving certificate names its hosts", () => {
    const { chain } = authority.serverCertificate(["istiod.istio-system.svc"]);
    assert.ok(new X509Certificate(splitPem(chain)[0] ?? "").checkHost("istiod.istio-system.svc"));
  });
});
