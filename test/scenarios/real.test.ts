import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findHelm, findKubectls } from "../support/tools.ts";
import { type BareClusters, startBareClusters, writeIstioCharts } from "./support/bare-clusters.ts";
import { run } from "./support/running-mesh.ts";

const helm = findHelm() ?? "helm";

suite.skipIf(findKubectls().length === 0)("clusters known by a kubeconfig only [needs kubectl]", () => {
  let bare: BareClusters;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "isthmus-real-"));
    bare = await startBareClusters({
      clusters: { main0: { network: "network1" }, remote0: { network: "network2" } },
    });
  }, 120_000);
  afterAll(async () => {
    await bare?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("have at first what Kubernetes brings, and nothing of a mesh", async () => {
    assert.deepEqual((await bare.kubectl("main0", "get", "ns", "-o", "name")).trim().split("\n"), [
      "namespace/default",
      "namespace/kube-node-lease",
      "namespace/kube-public",
      "namespace/kube-system",
    ]);
    assert.equal(await bare.kubectl("main0", "get", "crds", "-o", "name"), "");
  });

  test.skipIf(findHelm() === undefined)(
    "run a control plane that stock helm installs [needs helm]",
    async () => {
      writeIstioCharts(path.join(folder, "charts"));
      const install = async (name: string, chart: string, ...args: string[]) => {
        const { code, stderr } = await run(
          helm,
          [
            ...["upgrade", "--install", name, path.join(folder, "charts", chart), "-n", "istio-system"],
            ...["--create-namespace", "--kubeconfig", bare.kubeconfig, "--kube-context", "main0", ...args],
          ],
          { env: { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder } },
        );
        assert.equal(code, 0, stderr);
      };
      await install("istio-base", "base");
      await install("istiod", "istiod", "--set", "global.multiCluster.clusterName=main0");
      await bare.kubectl(
        "main0",
        "-n",
        "istio-system",
        "rollout",
        "status",
        "deploy/istiod",
        "--timeout=30s",
      );
      await install("istio-ingressgateway", "gateway");
      await bare.kubectl(
        ...(["main0", "-n", "istio-system", "rollout", "status", "deploy/istio-ingressgateway"] as const),
        "--timeout=30s",
      );
    },
  );
});
