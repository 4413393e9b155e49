import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { createManualClock, type ManualClock } from "../../base/testing/manual-clock.ts";
import { kinds, type Pod } from "../../kube/index.ts";
import { startAllObjects } from "../core/all-objects.ts";
import type { Cluster } from "../core/cluster.ts";
import { startDeployments } from "../deployments/start-deployments.ts";
import { startReplicaSets } from "../replica-sets/start-replica-sets.ts";
import { startTestCluster, type TestCluster, testDeployment } from "../test-support/test-cluster.ts";
import { type DisruptionBudget, type DisruptionStatus, disruptionBudgets } from "./disruption-budget.ts";
import { disruptionBudgetsController } from "./start-disruption-budgets.ts";

const now = Date.parse("2025-01-01T00:00:00Z");
let clock: ManualClock;
let cluster: TestCluster;

beforeEach(() => {
  clock = createManualClock(now);
  const budgets = (inner: Cluster) => {
    const objects = startAllObjects(inner);
    const stop = disruptionBudgetsController(objects)(inner);
    return async () => {
      await Promise.all([stop(), objects.stop()]);
    };
  };
  cluster = startTestCluster([startDeployments, startReplicaSets, budgets], clock);
});
afterEach(() => cluster.stop());

const budget = (spec: DisruptionBudget["spec"]): DisruptionBudget => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name: "web", namespace: "sample" },
  spec: { selector: { matchLabels: { app: "web" } }, ...spec },
});
const status = async () =>
  (await cluster.api.client.get(disruptionBudgets, "web", "sample"))?.status ?? assert.fail("no status");
const settled = (fits: (status: DisruptionStatus) => boolean) =>
  cluster.eventually(async () => {
    const found = (await cluster.api.client.get(disruptionBudgets, "web", "sample"))?.status;
    return found !== undefined && fits(found) ? found : undefined;
  });
/** A Deployment "web" of so many pods, all ready. */
const runWeb = async (replicas: number) => {
  cluster.kubelet();
  await cluster.api.client.create(kinds.deployments, testDeployment("web", { replicas }));
  await cluster.eventually(async () => {
    const pods = await cluster.list(kinds.pods, "sample");
    return pods.filter((pod) => pod.status?.phase === "Running").length === replicas || undefined;
  });
};
const events = async () =>
  (await cluster.list(kinds.events)).map(
    (event) => `${event["type"]} ${event["reason"]} ${event["message"]}`,
  );

suite("disruption budgets", () => {
  const cases = [
    { spec: { minAvailable: 3 }, desired: 3, allowed: 2 },
    { spec: { minAvailable: 5 }, desired: 5, allowed: 0 },
    { spec: { minAvailable: "50%" }, desired: 3, allowed: 2 },
    { spec: { maxUnavailable: 1 }, desired: 4, allowed: 1 },
    { spec: { maxUnavailable: "30%" }, desired: 3, allowed: 2 },
    { spec: { maxUnavailable: 0 }, desired: 5, allowed: 0 },
    { spec: { maxUnavailable: 9 }, desired: 0, allowed: 5 },
  ];
  for (const { spec, desired, allowed } of cases) {
    test(`of five ready pods ${JSON.stringify(spec)} wants ${desired} and lets ${allowed} go`, async () => {
      await runWeb(5);
      await cluster.api.client.create(disruptionBudgets, budget(spec));
      const found = await settled(({ currentHealthy }) => currentHealthy === 5);
      assert.deepEqual(
        [found.expectedPods, found.desiredHealthy, found.disruptionsAllowed, found.observedGeneration],
        [5, desired, allowed, 1],
      );
      const { type, status: state, reason, observedGeneration } = found.conditions?.[0] ?? {};
      assert.deepEqual(
        [type, state, reason, observedGeneration],
        allowed > 0
          ? ["DisruptionAllowed", "True", "SufficientPods", 1]
          : ["DisruptionAllowed", "False", "InsufficientPods", 1],
      );
    });
  }

  test("count what the Deployment wants, not what is there yet", async () => {
    await cluster.api.client.create(disruptionBudgets, budget({ maxUnavailable: 1 }));
    await cluster.api.client.create(kinds.deployments, testDeployment("web", { replicas: 3 }));
    const found = await settled(({ expectedPods }) => expectedPods === 3);
    assert.deepEqual([found.currentHealthy, found.desiredHealthy, found.disruptionsAllowed], [0, 2, 0]);
  });

  test("count an evicted pod as gone until it is, and as staying after two minutes", async () => {
    await runWeb(2);
    const created = await cluster.api.client.create(disruptionBudgets, budget({ minAvailable: 1 }));
    const before = await settled(({ disruptionsAllowed }) => disruptionsAllowed === 1);
    const [pod] = await cluster.list(kinds.pods, "sample");
    const disruptedPods = { [pod?.metadata.name ?? ""]: cluster.cluster.timestamp() };
    const { resourceVersion: _, ...metadata } = created.metadata;
    await cluster.api.client.replace(
      disruptionBudgets,
      { ...created, metadata, status: { ...before, disruptedPods, disruptionsAllowed: 0 } },
      "status",
    );
    const meanwhile = await settled(({ currentHealthy }) => currentHealthy === 1);
    assert.deepEqual([meanwhile.disruptedPods, meanwhile.disruptionsAllowed], [disruptedPods, 0]);
    clock.move(122_000);
    const after = await settled(({ currentHealthy }) => currentHealthy === 2);
    assert.deepEqual([after.disruptedPods, after.disruptionsAllowed], [undefined, 1]);
    await cluster.cluster.events.idle();
    assert.ok(
      (await events()).some((event) =>
        event.startsWith("Warning NotDeleted Pod was expected by PDB sample/web"),
      ),
    );
  });

  test("grant nothing and say why when a pod's controller has no scale", async () => {
    const pod: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: "web",
        namespace: "sample",
        labels: { app: "web" },
        ownerReferences: [
          { apiVersion: "example.com/v1", kind: "Thing", name: "t", uid: "1", controller: true },
        ],
      },
      spec: { containers: [] },
    };
    await cluster.api.client.create(kinds.pods, pod);
    await cluster.api.client.create(disruptionBudgets, budget({ maxUnavailable: 1 }));
    const found = await settled(({ conditions = [] }) => conditions.length > 0);
    assert.deepEqual(
      [found.disruptionsAllowed, found.conditions?.[0]?.reason, found.conditions?.[0]?.message],
      [0, "SyncFailed", 'no matches for kind "Thing" in group "example.com"'],
    );
    await cluster.cluster.events.idle();
    assert.ok((await events()).some((event) => event.startsWith("Warning CalculateExpectedPodCountFailed")));
  });

  test("say that pods without a controller can't be part of a whole", async () => {
    const metadata = { name: "web", namespace: "sample", labels: { app: "web" } };
    await cluster.run(
      await cluster.api.client.create(kinds.pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata,
        spec: { containers: [] },
      }),
    );
    await cluster.api.client.create(disruptionBudgets, budget({ maxUnavailable: "50%" }));
    const found = await settled(({ currentHealthy }) => currentHealthy === 1);
    assert.deepEqual([found.expectedPods, found.disruptionsAllowed], [0, 0]);
    await cluster.cluster.events.idle();
    assert.ok((await events()).some((event) => event.startsWith("Warning UnmanagedPods")));
    assert.equal((await status()).conditions?.[0]?.reason, "InsufficientPods");
  });
});
