import assert from "node:assert/strict";
import { afterEach, suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import type { Secret } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { createFakeClock } from "../test-support/fake-clock.ts";
import { readMounted, withFileSecrets } from "./file-secrets.ts";

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

function scene(files: Record<string, string>) {
  const stop = new AbortController();
  stops.push(stop);
  const clock = createFakeClock();
  const asked: string[] = [];
  const secrets = withFileSecrets(
    { get: (name) => void asked.push(name) as undefined, onChange: (name) => void asked.push(`${name}?`) },
    {
      clock,
      signal: stop.signal,
      read: async (file) => (files[file] === undefined ? undefined : Buffer.from(files[file])),
    },
  );
  let told = 0;
  const watch = (name: string) => secrets.onChange(name, () => told++, stop.signal);
  const until = (name: string) => waitFor(() => secrets.get(name), { signal: AbortSignal.timeout(30_000) });
  return { files, clock, asked, secrets, watch, until, told: () => told };
}

function text(secret: Secret): string {
  const { type } = secret;
  const sources =
    type.case === "tlsCertificate"
      ? [type.value.certificateChain, type.value.privateKey]
      : [type.case === "validationContext" ? (type.value.trustedCa ?? type.value.crl) : undefined];
  return sources
    .map((source) => (source?.specifier.case === "inlineBytes" ? Buffer.from(source.specifier.value) : ""))
    .join("|");
}

suite("secrets in files", () => {
  test("a certificate with its key, a bundle, and lists of what was revoked", async () => {
    const { until } = scene({ "/c/chain": "CHAIN", "/c/key": "KEY", "/c/root": "ROOT", "/c/crl": "LISTS" });
    assert.equal(text(await until("file-cert:/c/chain~/c/key")), "CHAIN|KEY");
    assert.equal(text(await until("file-root:/c/root")), "ROOT");
    assert.equal(text(await until("file-crl:/c/crl")), "LISTS");
  });

  test("what this machine trusts", async () => {
    const { until } = scene({});
    assert.match(text(await until("file-root:system")), /-----BEGIN CERTIFICATE-----/);
  });

  test("a file that comes later, or changes, is told; one that stays the same is not", async () => {
    const { files, clock, secrets, watch, until, told } = scene({});
    watch("file-root:/c/root");
    assert.equal(secrets.get("file-root:/c/root"), undefined);
    files["/c/root"] = "ONE";
    await waitFor(() => clock.nextTimer(), { signal: AbortSignal.timeout(30_000) });
    clock.advance(5000);
    assert.equal(text(await until("file-root:/c/root")), "ONE");
    assert.equal(told(), 1);
  });

  test("all other names are the agent's own", () => {
    const { secrets, asked } = scene({});
    secrets.get("default");
    secrets.onChange("ROOTCA", () => {}, AbortSignal.timeout(1));
    assert.deepEqual(asked, ["default", "ROOTCA?"]);
  });

  test("files are looked for in the folder's mount", async () => {
    const mounts = async (folder: string) => new Map(folder === "/a/b" ? [["c.pem", Buffer.from("x")]] : []);
    assert.equal(String(await readMounted(mounts, "/a/b/c.pem")), "x");
    assert.equal(await readMounted(mounts, "/etc/passwd"), undefined);
  });
});
