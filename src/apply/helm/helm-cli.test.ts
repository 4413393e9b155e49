import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, suite, test } from "vitest";
import type { ChartReference } from "../../compile/index.ts";
import { createHelm } from "./helm-cli.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "isthmus-helm-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A helm that writes down how it was called, and then does as the script says. */
function helmThat(script: string) {
  const program = path.join(folder, "helm");
  writeFileSync(
    program,
    `#!/bin/sh
printf '%s\\n' "$KUBECONFIG in $PWD: $*" >> called
if [ "$1" = upgrade ]; then cat >> values; fi
${script}
`,
  );
  chmodSync(program, 0o755);
  const signal = AbortSignal.timeout(30_000);
  const helm = createHelm({ folder, signal, env: { PATH: process.env["PATH"], HELM_PATH: program } });
  return { helm, called: () => readFileSync(path.join(folder, "called"), "utf8") };
}

const chart: ChartReference = {
  name: "istiod",
  namespace: "istio-system",
  chart: "istiod",
  repo: "https://charts.example.com",
  version: "1.31.1",
  values: { password: "s3cret" },
  from: "clusters.fra",
};
const target = { kubeconfig: "/a:/b", context: "fra" };

suite("createHelm()", () => {
  test("installs into the context of the kubeconfigs, from the mesh file's folder, with values that neither its arguments nor a file show", async () => {
    const { helm, called } = helmThat("");
    await helm.install(chart, target);
    assert.match(
      called(),
      /^\/a:\/b in \S+: upgrade --install istiod istiod --namespace istio-system --values - --repo https:\/\/charts\.example\.com --version 1\.31\.1 --labels isthmus\.dev\/apply=[\da-f]{8} --kube-context fra\n$/,
    );
    assert.ok(called().includes(` in ${folder}: `));
    assert.doesNotMatch(called(), /s3cret/);
    assert.equal(readFileSync(path.join(folder, "values"), "utf8"), "password: s3cret\n");
  });

  test("asks what an installation would consist of without doing it", async () => {
    const manifest = "---\\napiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n  name: istio\\n";
    const { helm, called } = helmThat(`printf '%s' '{"manifest":"${manifest}"}'`);
    const objects = await helm.preview({ ...chart, chart: "./charts/istiod" }, target);
    assert.deepEqual(
      objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      ["ConfigMap istio"],
    );
    assert.match(called(), /--dry-run=server --output json/);
  });

  test("uninstalls, whether the release is there or not", async () => {
    const { helm, called } = helmThat("");
    await helm.uninstall({ name: "istiod", namespace: "istio-system" }, target);
    assert.match(
      called(),
      /: uninstall istiod --namespace istio-system --ignore-not-found --kube-context fra\n$/,
    );
  });

  test("says what helm said, for which field, and how to try it by hand", async () => {
    const { helm } = helmThat('echo \'Error: chart "istiod" version "1.31.1" not found\' >&2; exit 1');
    await assert.rejects(helm.install(chart, target), {
      code: "tool/failed",
      message: 'helm can\'t install chart istiod (clusters.fra): chart "istiod" version "1.31.1" not found',
      nextStep: /^Try it by hand: helm upgrade --install istiod istiod .*--values FILE .*it resumes\.$/,
    });
  });

  test.each([
    [{ PATH: "" }, /no helm is on PATH/],
    [{ PATH: "", HELM_PATH: "/nowhere/helm" }, /HELM_PATH names no program: \/nowhere\/helm/],
  ])("with %j says that helm is missing, and where it is from", async (env, message) => {
    const helm = createHelm({ folder, signal: AbortSignal.timeout(30_000), env });
    await assert.rejects(helm.install(chart, target), {
      code: "tool/missing",
      message,
      nextStep: /helm\.sh/,
    });
  });
});
