import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite, test } from "vitest";
import { IsthmusError } from "../base/index.ts";
import {
  formatKubeconfig,
  kubeconfigObject,
  mergeKubeconfigs,
  parseKubeconfig,
  readKubeconfig,
} from "./kubeconfig.ts";

const east = {
  name: "east",
  server: "https://127.16.0.1:6443",
  ca: "CA",
  clientCert: "CERT",
  clientKey: "KEY",
};
const west = { name: "west", server: "https://127.17.0.1:6443", ca: "CA", token: "t" };

suite("kubeconfig", () => {
  const text = JSON.stringify(formatKubeconfig([east, west]));
  test("what is written is read back, the first context by default", () => {
    const { name: _, ...access } = east;
    assert.deepEqual(parseKubeconfig(text), access);
    const { name: __, ...other } = west;
    assert.deepEqual(parseKubeconfig(text, "west"), other);
  });
  test("files are read relative to the kubeconfig", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "kubeconfig-"));
    try {
      writeFileSync(path.join(folder, "ca.pem"), "PEM");
      const config = `
clusters: [{name: c, cluster: {server: "https://x", certificate-authority: ca.pem}}]
contexts: [{name: c, context: {cluster: c, user: u, namespace: n}}]
users: []
current-context: c`;
      assert.deepEqual(parseKubeconfig(config, undefined, folder), {
        server: "https://x",
        ca: "PEM",
        namespace: "n",
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
  test("of equal names the first counts when merged", () => {
    const other = readKubeconfig(JSON.stringify(formatKubeconfig([{ ...west, token: "other" }])));
    const merged = mergeKubeconfigs([readKubeconfig(text), other]);
    assert.equal(merged.currentContext, "east");
    assert.equal(parseKubeconfig(JSON.stringify(kubeconfigObject(merged)), "west").token, "t");
  });
  const wrong: readonly [because: string, text: string, code: string, message: RegExp][] = [
    ["no YAML", "a: [", "arguments/wrong", /is no YAML/],
    ["a list", "[]", "arguments/wrong", /holds no kubeconfig/],
    ["a missing context", "{}", "cluster/unknown", /has no context ""/],
    [
      "a context without cluster",
      "{contexts: [{name: a, context: {}}], current-context: a}",
      "arguments/wrong",
      /no server/,
    ],
    [
      "a credential plugin",
      "{clusters: [{name: c, cluster: {server: 'https://x'}}], users: [{name: u, user: {exec: {}}}], contexts: [{name: a, context: {cluster: c, user: u}}], current-context: a}",
      "arguments/wrong",
      /needs a credential plugin/,
    ],
  ];
  for (const [because, config, code, message] of wrong)
    test(`${because} is said`, () =>
      assert.throws(
        () => parseKubeconfig(config),
        (reason) => {
          assert.ok(reason instanceof IsthmusError);
          assert.equal(reason.code, code);
          assert.match(reason.message, message);
          return true;
        },
      ));
});
