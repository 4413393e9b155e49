import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, suite, test } from "vitest";
import { findHelm } from "../../apply/index.ts";
import type { ChartReference } from "../../compile/index.ts";
import { parseMesh } from "../../mesh/index.ts";
import { checkHelm } from "./check-helm.ts";
import { renderWithHelm } from "./render-with-helm.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "isthmus-helm-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program in place of helm. */
function fakeHelm(script: string): string {
  const file = path.join(folder, "bin", "helm");
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

const chart: ChartReference = {
  name: "shop",
  namespace: "store",
  chart: "example/shop",
  repo: "https://charts.example.com",
  version: "1.2.3",
  values: { password: "s3cret" },
  from: "manifests[0]",
};
const render = (helm: string, asked: ChartReference = chart) =>
  renderWithHelm(asked, { helm, folder, kubernetesVersion: "1.33.1", signal: AbortSignal.timeout(30_000) });

const object = (name: string, kind = "ConfigMap", hook?: string, weight = "0") => `---
apiVersion: v1
kind: ${kind}
metadata:
  name: ${name}
${hook === undefined ? "" : `  annotations: { helm.sh/hook: "${hook}", helm.sh/hook-weight: "${weight}" }`}
`;

suite("renderWithHelm()", () => {
  test("asks for the release with its values in a file of the owner's, never on the command line", async () => {
    const helm = fakeHelm(`
while [ $# -gt 0 ]; do
  all="$all $1"
  [ "$1" = --values ] && { values=$(cat "$2"); mode=$(stat -c %a "$2"); }
  shift
done
printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: { name: said }\\ndata:\\n  args: "%s"\\n  values: "%s"\\n  mode: "%s"\\n  in: "%s"\\n' "$all" "$values" "$mode" "$PWD"`);
    const [said = assert.fail("nothing was rendered")] = await render(helm);
    const { args = "", values, mode, in: where } = said["data"] as Record<string, string>;
    assert.match(
      args,
      /^ template shop example\/shop --namespace store --values \S+ --include-crds --skip-tests --kube-version 1\.33\.1 --repo https:\/\/charts\.example\.com --version 1\.2\.3$/,
    );
    assert.doesNotMatch(args, /s3cret/);
    assert.deepEqual([values, mode, where], ["password: s3cret", "600", folder]);
    assert.equal(said.metadata.namespace, "store", "where helm would install it");
  });

  test("puts definitions first and hooks where they run, by weight; those of other occasions are left out", async () => {
    const text = [
      object("after", "ConfigMap", "post-install, post-upgrade"),
      object("one"),
      object("second", "Job", "pre-install", "5"),
      object("first", "Job", "pre-install", "-5"),
      object("two"),
      object("gone", "Job", "pre-delete"),
      object("defined", "CustomResourceDefinition"),
    ].join("");
    writeFileSync(path.join(folder, "out.yaml"), text);
    const objects = await render(fakeHelm("cat out.yaml"));
    assert.deepEqual(
      objects.map(({ metadata }) => metadata.name),
      ["defined", "first", "second", "one", "two", "after"],
    );
  });

  test("says what helm said, and how to try it by hand", async () => {
    const helm = fakeHelm('echo \'Error: chart "shop" version "1.2.3" not found\' >&2; exit 1');
    await assert.rejects(render(helm), {
      code: "tool/failed",
      message: `helm can't render chart example/shop (manifests[0]): chart "shop" version "1.2.3" not found`,
      nextStep: /^Try it by hand: helm template shop example\/shop --namespace store --values FILE/,
    });
  });

  test("refuses what is no object", async () => {
    await assert.rejects(render(fakeHelm("echo 'kind: ['")), {
      code: "tool/failed",
      message: /chart example\/shop/,
    });
  });
});

suite("findHelm()", () => {
  test("HELM_PATH counts before PATH; one that is no program is none", () => {
    const helm = fakeHelm("");
    const [named, PATH] = [path.join(folder, "own-helm"), path.dirname(helm)];
    writeFileSync(named, "");
    assert.equal(findHelm({ PATH }), helm);
    assert.equal(findHelm({ PATH, HELM_PATH: named }), undefined);
    chmodSync(named, 0o755);
    assert.equal(findHelm({ PATH, HELM_PATH: named }), named);
    assert.equal(findHelm({ PATH: folder }), undefined);
  });
});

suite("checkHelm()", () => {
  const mesh = (manifests: string) => {
    const text = `apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nclusters:\n  one:\n    manifests: [${manifests}]\n  two: {}\n`;
    const parsed = parseMesh([{ file: "mesh.yaml", text }], [], { folder, files: { kindOf: () => "file" } });
    return parsed.ok ? parsed.mesh : assert.fail(JSON.stringify(parsed.problems));
  };

  test("MESH-02 a chart without a stand-in is a mistake where helm is missing, with its place and the way out", () => {
    const [found, ...others] = checkHelm(mesh("{ chart: cert-manager }, { chart: shop/cart }"), {
      PATH: folder,
    });
    assert.deepEqual(others, []);
    assert.deepEqual(
      [found?.severity, found?.code, found?.range?.line, found?.message],
      ["error", "mesh/helm-missing", 5, "chart shop/cart is rendered by helm, and no helm is on PATH"],
    );
    assert.match(found?.hint ?? "", /install helm .*HELM_PATH/);
  });

  test("says nothing where helm is there, or not needed", () => {
    const env = { PATH: path.dirname(fakeHelm("")) };
    assert.deepEqual(checkHelm(mesh("{ chart: shop/cart }"), env), []);
    assert.deepEqual(checkHelm(mesh("{ chart: open-webui/open-webui }"), { PATH: folder }), []);
  });
});
