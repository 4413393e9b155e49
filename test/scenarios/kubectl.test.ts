import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { startOke } from "./support/examples.ts";
import { compatibilityTable, isTried } from "./support/kubectl/compatibility-table.ts";
import { webManifests } from "./support/kubectl/fixtures.ts";
import { type KubectlShell, kubectlShell } from "./support/kubectl/kubectl-check.ts";
import { objectChecks } from "./support/kubectl/object-checks.ts";
import { streamChecks } from "./support/kubectl/stream-checks.ts";
import { workloadChecks } from "./support/kubectl/workload-checks.ts";
import type { MeshUnderTest } from "./support/running-mesh.ts";

// GUIDE-02 and GUIDE-05: what people do with kubectl, on a running mesh, with kubectls of seven years' habits.

const versions = ["1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33"];
const checks = [...objectChecks, ...workloadChecks, ...streamChecks];
const document = path.join(import.meta.dirname, "../../docs/kubernetes-compatibility.md");
const present = findKubectls();

let mesh: MeshUnderTest;

beforeAll(async () => {
  mesh = await startOke();
});
afterAll(() => mesh?.stop());

/** Half of the versions on either cluster, at the same time: most of it is waiting for kubectl to start. */
const lanes = ["fra", "ash"].map((cluster, lane) => ({
  cluster,
  versions: versions.filter((_, at) => at % 2 === lane),
}));

for (const lane of lanes) {
  suite.concurrent(`kubectl on ${lane.cluster}`, () => {
    for (const version of lane.versions) tryVersion(version, lane.cluster);
  });
}

function tryVersion(version: string, cluster: string): void {
  const kubectl = present.find((one) => one.version === version);
  const title = `kubectl ${version} on a running mesh [needs kubectl]`;
  suite.skipIf(kubectl === undefined).sequential(title, () => {
    const namespace = `kubectl-${version.replace(".", "-")}`;
    let shell: KubectlShell;

    beforeAll(async () => {
      if (kubectl === undefined) return;
      const { folder, kubeconfig } = mesh;
      shell = kubectlShell(kubectl, { folder, kubeconfig, cluster, namespace });
      await shell.ok(`kubectl create ns ${namespace} && kubectl apply -f -`, webManifests);
      await shell.ok("kubectl rollout status deploy/web --timeout=60s");
      await shell.ok("kubectl wait --for=condition=Ready pod/shell --timeout=60s");
    });
    afterAll(async () => {
      await shell?.ok(`kubectl delete ns ${namespace} --timeout=60s`);
    });

    for (const one of checks.filter((check) => isTried(check, version, versions))) {
      const { command, guide, check } = one;
      if (guide === "GUIDE-05") test(`GUIDE-05 ${command}`, () => check(shell));
      else test(`GUIDE-02 ${command}`, () => check(shell));
    }
  });
}

test("docs/kubernetes-compatibility.md shows what is tried here", () => {
  const [start, end] = ["<!-- table of test/scenarios/kubectl.test.ts -->\n", "\n<!-- end of table -->"];
  const text = readFileSync(document, "utf8");
  const [from, to] = [text.indexOf(start) + start.length, text.indexOf(end)];
  assert.ok(from >= start.length && to > from);
  const wanted = `${text.slice(0, from)}${compatibilityTable(checks, versions)}${text.slice(to)}`;
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(document, wanted);
  else assert.equal(text, wanted, "write it anew with UPDATE_DOCS=1");
});
