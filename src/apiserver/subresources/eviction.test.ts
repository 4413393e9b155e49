import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { type Kind, type KubeObject, kinds, type Pod, type Status } from "../../kube/index.ts";
import { useApiServer } from "../test-support/api-harness.ts";

const api = useApiServer();
const budgets: Kind = {
  group: "policy",
  version: "v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  namespaced: true,
};

/** A pod that is bound, so that it takes time to go, running and ready or not. */
async function podIn(namespace: string, { isReady = true, phase = "Running" } = {}): Promise<void> {
  const pod: Pod = await api.client.create(kinds.pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace, labels: { app: "p" } },
    spec: { nodeName: "n1", containers: [{ name: "c", image: "i" }] },
  });
  const conditions = [{ type: "Ready", status: isReady ? "True" : "False" }];
  await api.client.replace(kinds.pods, { ...pod, status: { phase, conditions } } as Pod, "status");
}

/** A budget over that pod with a status that a controller has written. */
async function budgetIn(namespace: string, status: object, { name = "b", spec = {} } = {}): Promise<void> {
  const created = await api.client.create(budgets, {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name, namespace },
    spec: { minAvailable: 1, selector: { matchLabels: { app: "p" } }, ...spec },
  });
  await api.client.replace(budgets, { ...created, status }, "status");
}

async function evict(
  namespace: string,
  options: { dryRun?: boolean; deleteOptions?: object; name?: string } = {},
) {
  const { dryRun = false, deleteOptions, name = "p" } = options;
  const answer = await api.send({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/pods/p/eviction`,
    query: new URLSearchParams(dryRun ? { dryRun: "All" } : {}),
    body: { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace }, deleteOptions },
  });
  return { code: answer.status, status: answer.body as Status };
}

const counted = { observedGeneration: 1, expectedPods: 2 };
const none = { ...counted, disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1 };

suite("evictions", () => {
  test("are put off by a budget that has none left, and go on when it has", async () => {
    const namespace = await api.freshNamespace();
    await podIn(namespace);
    await budgetIn(namespace, none);
    const { code, status } = await evict(namespace);
    assert.deepEqual(
      [code, status.reason, status.message],
      [429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget."],
    );
    assert.deepEqual(status.details?.causes, [
      {
        reason: "DisruptionBudget",
        field: "",
        message: "The disruption budget b needs 1 healthy pods and has 1 currently",
      },
    ]);
    const budget = (await api.client.get(budgets, "b", namespace)) as KubeObject;
    const conditions = [
      {
        type: "DisruptionAllowed",
        status: "True",
        reason: "SufficientPods",
        message: "",
        lastTransitionTime: "2025-01-01T00:00:00Z",
      },
    ];
    const free = { ...counted, disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, conditions };
    await api.client.replace(budgets, { ...budget, status: free }, "status");
    assert.equal((await evict(namespace)).code, 201);
    const pod = await api.client.get(kinds.pods, "p", namespace);
    assert.ok(pod?.metadata.deletionTimestamp);
    const why = pod.status?.conditions?.find(({ type }) => type === "DisruptionTarget");
    assert.deepEqual(
      [why?.status, why?.reason, why?.message],
      ["True", "EvictionByEvictionAPI", "Eviction API: evicting"],
    );
    const left = (await api.client.get(budgets, "b", namespace))?.["status"] as {
      readonly disruptionsAllowed: number;
      readonly disruptedPods: object;
      readonly conditions: readonly { readonly reason: string }[];
    };
    assert.deepEqual(
      [left.disruptionsAllowed, Object.keys(left.disruptedPods), left.conditions[0]?.reason],
      [0, ["p"], "InsufficientPods"],
    );
  });

  const cases: readonly {
    readonly title: string;
    readonly pod?: Parameters<typeof podIn>[1];
    readonly status: object;
    readonly spec?: object;
    readonly code: number;
    readonly says?: RegExp;
  }[] = [
    {
      title: "wait while the budget's status is not of its present spec",
      status: { ...none, observedGeneration: 0, disruptionsAllowed: 1 },
      code: 429,
      says: /The disruption budget b is still being processed by the server/,
    },
    {
      title: "tell why a budget can't be computed",
      status: {
        ...none,
        conditions: [
          {
            type: "DisruptionAllowed",
            status: "False",
            reason: "SyncFailed",
            message: "no scale",
            lastTransitionTime: "2025-01-01T00:00:00Z",
          },
        ],
      },
      code: 429,
      says: /does not allow evicting pods currently because it failed sync: no scale/,
    },
    {
      title: "take a pod that has not begun whatever the budget says",
      pod: { phase: "Pending" },
      status: none,
      code: 201,
    },
    { title: "take a pod that has ended", pod: { phase: "Failed" }, status: none, code: 201 },
    {
      title: "take a pod that is not ready while enough others are",
      pod: { isReady: false },
      status: none,
      code: 201,
    },
    {
      title: "leave a pod that is not ready while too few others are",
      pod: { isReady: false },
      status: { ...none, currentHealthy: 0 },
      code: 429,
    },
    {
      title: "take it all the same when the budget always allows that",
      pod: { isReady: false },
      status: { ...none, currentHealthy: 0 },
      spec: { unhealthyPodEvictionPolicy: "AlwaysAllow" },
      code: 201,
    },
  ];
  for (const { title, pod, status, spec = {}, code, says } of cases) {
    test(title, async () => {
      const namespace = await api.freshNamespace();
      await podIn(namespace, pod);
      await budgetIn(namespace, status, { spec });
      const answer = await evict(namespace);
      assert.equal(answer.code, code);
      if (says !== undefined) assert.match(answer.status.details?.causes?.[0]?.message ?? "", says);
    });
  }

  test("say that clients shall come back soon when the controller has yet to look", async () => {
    const namespace = await api.freshNamespace();
    await podIn(namespace);
    await budgetIn(namespace, {});
    assert.equal((await evict(namespace)).status.details?.retryAfterSeconds, 1);
  });

  test("of a pod with two budgets are refused", async () => {
    const namespace = await api.freshNamespace();
    await podIn(namespace);
    await budgetIn(namespace, none);
    await budgetIn(namespace, none, { name: "other" });
    const { code, status } = await evict(namespace);
    assert.equal(code, 500);
    assert.match(status.message ?? "", /^This pod has more than one PodDisruptionBudget/);
  });

  test("that are dry runs change nothing", async () => {
    const namespace = await api.freshNamespace();
    await podIn(namespace);
    await budgetIn(namespace, { ...none, disruptionsAllowed: 1 });
    assert.equal((await evict(namespace, { dryRun: true })).code, 201);
    const mixed = await evict(namespace, { dryRun: true, deleteOptions: { dryRun: ["Some"] } });
    assert.match(mixed.status.message ?? "", /^Non-matching dry-run options/);
    const pod = await api.client.get(kinds.pods, "p", namespace);
    assert.equal(pod?.metadata.deletionTimestamp, undefined);
    const budget = await api.client.get(budgets, "b", namespace);
    assert.ok(budget);
    assert.equal((budget["status"] as { readonly disruptionsAllowed: number }).disruptionsAllowed, 1);
  });

  test("must name the pod of their path", async () => {
    const namespace = await api.freshNamespace();
    await podIn(namespace);
    assert.equal((await evict(namespace, { name: "other" })).code, 400);
  });
});
