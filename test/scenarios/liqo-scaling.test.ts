import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { edit } from "./support/examples.ts";
import { type LiqoMesh, liqoClusters, startLiqo } from "./support/liqo.ts";
import { background, eventually, isthmus, patientUp, run } from "./support/running-mesh.ts";

// Not on real Envoys: what is asked is what autoscalers and quotas do with pods, whatever is beside the app in them.
const hasKubectl = findKubectls().length > 0;
const deployments = ["s0-consumer", "s0-provider1"] as const;

suite.skipIf(!hasKubectl)(
  "LIQO: autoscalers and resources on both sides of a peering [needs kubectl]",
  () => {
    let mesh: LiqoMesh;

    beforeAll(async () => {
      mesh = await startLiqo({
        prepare(folder) {
          // As usual an autoscaler waits five minutes before it takes pods away.
          for (const name of deployments)
            edit(
              path.join(folder, `sample-app/s0-hpa-${name.slice(3)}.yaml`),
              /^ {2}minReplicas/m,
              "  behavior: { scaleDown: { stabilizationWindowSeconds: 0 } }\n  minReplicas",
            );
        },
      });
    });
    afterAll(() => mesh?.stop());

    const replicas = async (name: string) =>
      Number(await mesh.app("get", "deployment", name, "-o", "jsonpath={.spec.replicas}"));

    /** Loads one cluster's ingress and watches both Deployments grow, or not, and shrink again. */
    const followsLoad = async (
      cluster: (typeof liqoClusters)[number],
      busy: string,
      idle: string,
    ): Promise<void> => {
      await eventually(async () => (await replicas(busy)) === 1 && (await replicas(idle)) === 1, 60_000);
      const url = `${await mesh.ingress(cluster)}/s0`;
      const load = background(
        process.execPath,
        [isthmus, "load", url, "--rate", "300", "--connections", "50", "--duration", "1h", "-o", "json"],
        mesh.folder,
      );
      try {
        await eventually(async () => (await replicas(busy)) > 1, 120_000);
        assert.ok((await replicas(busy)) <= 10);
        assert.equal(await replicas(idle), 1);
        await eventually(async () => {
          const top = await mesh.app("top", "pods", "--containers", "--no-headers");
          for (const container of ["s0", "istio-proxy"]) {
            const used = [...top.matchAll(new RegExp(`^${busy}-\\S+ +${container} +(\\d+)m`, "gm"))];
            assert.ok(
              used.some(([, millicores]) => Number(millicores) > 0),
              top,
            );
          }
          return true;
        });
      } finally {
        load.end();
      }
      const { stdout } = await load.result;
      const report = JSON.parse(stdout);
      assert.ok(report.failed <= report.sent * 0.01, stdout);
      await eventually(async () => (await replicas(busy)) === 1, 60_000);
      assert.equal(await replicas(idle), 1);
    };

    test("LIQO-19 under load at consumer alone its app grows and provider1's does not; afterwards it is one pod again", () =>
      followsLoad(liqoClusters[0], deployments[0], deployments[1]));

    test("LIQO-20 under load at provider1 alone its app grows and consumer's does not; afterwards it is one pod again", () =>
      followsLoad(liqoClusters[1], deployments[1], deployments[0]));

    test("LIQO-21 pods on provider1 request no more than the peering's cpu and the rest say why they wait; more in the mesh file starts them", async () => {
      await mesh.app("delete", "hpa", "s0-provider1", "--ignore-not-found");
      const spec = {
        replicas: 30,
        template: { spec: { containers: [{ name: "s0", resources: { requests: { cpu: "1" } } }] } },
      };
      await mesh.app("patch", "deployment", "s0-provider1", "-p", JSON.stringify({ spec }));
      // A pod of s0 is one cpu and its sidecar a tenth; the client's sidecar and the gateway are a tenth each.
      const requested = await eventually(async () => {
        const sum = await requestedOnProvider(mesh);
        return sum > 19_500 ? sum : undefined;
      }, 60_000);
      assert.ok(requested <= 20_000, `${requested}m`);
      await eventually(async () => {
        const events = await mesh.app("get", "events", "-o", "jsonpath={.items[*].message}");
        return /provider1 has not enough left for it: cpu: 20 granted/.test(events);
      }, 20_000);

      assert.equal((await mesh.isthmus("down")).code, 0);
      edit(path.join(mesh.folder, "mesh.yaml"), "cpu: 20,", "cpu: 30,");
      rmSync(path.join(mesh.folder, "sample-app/s0-hpa-provider1.yaml"));
      const deployment = path.join(mesh.folder, "sample-app/s0-dep-provider1.yaml");
      edit(deployment, "replicas: 1", "replicas: 25");
      edit(deployment, "cpu: 100m", "cpu: 1");
      const up = await run(process.execPath, [isthmus, "up", "--detach", ...patientUp], { cwd: mesh.folder });
      assert.equal(up.code, 0, up.stderr);
      await eventually(async () => {
        const replicas = "jsonpath={.status.readyReplicas}";
        assert.equal(await mesh.app("get", "deployment", "s0-provider1", "-o", replicas), "25");
        assert.equal(await requestedOnProvider(mesh), 25 * 1100 + 200);
        return true;
      });
    });
  },
);

/** Millicores that the pods on the virtual node request, sidecars included. */
async function requestedOnProvider(mesh: LiqoMesh): Promise<number> {
  const requests = await mesh.kubectl(
    "consumer",
    ...["get", "pods", "-A", "--field-selector", "spec.nodeName=provider1", "-o"],
    "jsonpath={.items[*].spec.containers[*].resources.requests.cpu}",
  );
  return requests
    .split(" ")
    .filter((text) => text !== "")
    .reduce((sum, text) => sum + (text.endsWith("m") ? Number.parseInt(text, 10) : Number(text) * 1000), 0);
}
