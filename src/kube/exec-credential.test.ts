import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { IsthmusError } from "../base/index.ts";
import { resolveAccess } from "./exec-credential.ts";
import { readKubeconfig } from "./kubeconfig.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "isthmus-plugin-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A kubeconfig whose user has a plugin: a script with this body. */
function kubeconfig(script: string, more: object = {}) {
  const file = path.join(folder, "plugin");
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return readKubeconfig(
    JSON.stringify({
      "current-context": "prod",
      contexts: [{ name: "prod", context: { cluster: "c", user: "u" } }],
      clusters: [{ name: "c", cluster: { server: "https://203.0.113.7:6443" } }],
      users: [
        {
          name: "u",
          user: { exec: { apiVersion: "client.authentication.k8s.io/v1", command: "./plugin", ...more } },
        },
      ],
    }),
  );
}
const credential = (status: object) =>
  `echo '${JSON.stringify({ kind: "ExecCredential", apiVersion: "client.authentication.k8s.io/v1", status })}'`;
const refusal = (config: ReturnType<typeof kubeconfig>) =>
  resolveAccess(config, undefined, { folder }).then(
    () => assert.fail("it was taken"),
    (reason: unknown) => (reason instanceof IsthmusError ? reason : assert.fail(String(reason))),
  );

suite("a user with a credential plugin", () => {
  test("gets the token that the plugin prints", async () => {
    const access = await resolveAccess(kubeconfig(credential({ token: "t0ken" })), "prod", { folder });
    assert.deepEqual(access, { server: "https://203.0.113.7:6443", token: "t0ken" });
  });

  test("gets a certificate", async () => {
    const status = { clientCertificateData: "CERT", clientKeyData: "KEY" };
    const { clientCert, clientKey } = await resolveAccess(kubeconfig(credential(status)), "prod", { folder });
    assert.deepEqual([clientCert, clientKey], ["CERT", "KEY"]);
  });

  test("the plugin is given arguments, environment and what is asked for", async () => {
    const config = kubeconfig(
      `printf '{"status":{"token":"%s %s %s"}}' "$1" "$REGION" "$(echo $KUBERNETES_EXEC_INFO | tr -d '"')"`,
      {
        args: ["get-token"],
        env: [{ name: "REGION", value: "eu" }],
        provideClusterInfo: true,
      },
    );
    const { token = "" } = await resolveAccess(config, "prod", { folder });
    assert.match(token, /^get-token eu \{kind:ExecCredential,/);
    assert.match(token, /server:https:\/\/203\.0\.113\.7:6443/);
  });

  test("says how to install one that is missing", async () => {
    const reason = await refusal(
      kubeconfig("", { command: "no-such-plugin", installHint: "brew install it" }),
    );
    assert.deepEqual([reason.code, reason.nextStep], ["tool/missing", "brew install it"]);
  });

  test("says what one that fails said", async () => {
    const reason = await refusal(kubeconfig("echo 'session has expired' >&2; exit 1"));
    assert.equal(reason.code, "cluster/forbidden");
    assert.match(reason.message, /user "u" no credential: session has expired$/);
  });

  test("one that prints no credential gives none", async () => {
    assert.match((await refusal(kubeconfig("echo hello"))).message, /no token and no certificate/);
  });
});
