import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { kinds, type Pod, type ReplicaSet } from "../../kube/index.ts";
import { findCondition } from "../core/conditions.ts";
import { controllerOf } from "../core/owners.ts";
import { statusOf } from "../test-support/fake-api.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { podsToDelete } from "./pods-to-delete.ts";
import { startReplicaSets } from "./start-replica-sets.ts";

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster([startReplicaSets]);
});
afterEach(() => cluster.stop());

const replicaSet = (replicas: number, minReadySeconds = 0): ReplicaSet => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: { name: "web", namespace: "sample" },
  spec: {
    replicas,
    minReadySeconds,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "app", image: "app:1" }] },
    },
  },
});
const pods = () => cluster.list(kinds.pods, "sample");
const current = async () => {
  const found = await cluster.api.client.get(kinds.replicaSets, "web", "sample");
  assert.ok(found);
  return found;
};
const scale = async (replicas: number) => {
  const set = await current();
  await cluster.api.client.replace(kinds.replicaSets, { ...set, spec: { ...set.spec, replicas } });
};
const count = (wanted: number) =>
  cluster.eventually(async () => {
    const living = (await pods()).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return living.length === wanted || undefined;
  });

suite("replica sets", () => {
  test("make exactly as many pods as asked for, and say so", async () => {
    cluster.kubelet();
    await cluster.api.client.create(kinds.replicaSets, replicaSet(20));
    await cluster.eventually(async () => (await current()).status?.availableReplicas === 20 || undefined);
    await cluster.quiet();
    assert.equal((await pods()).length, 20);
    assert.deepEqual((await current()).status, {
      replicas: 20,
      fullyLabeledReplicas: 20,
      readyReplicas: 20,
      availableReplicas: 20,
      observedGeneration: 1,
    });
    const created = cluster.api.writes.filter((write) => write === "POST /api/v1/namespaces/sample/pods");
    assert.equal(created.length, 20);
  });

  test("replace a pod that fails or is deleted", async () => {
    await cluster.api.client.create(kinds.replicaSets, replicaSet(1));
    const pod = await cluster.eventually(async () => (await pods())[0]);
    await cluster.run(pod, { phase: "Failed", ready: false });
    const second = await cluster.eventually(async () =>
      (await pods()).find(({ metadata }) => metadata.uid !== pod.metadata.uid),
    );
    await cluster.api.client.delete(kinds.pods, second.metadata.name, {
      namespace: "sample",
      gracePeriodSeconds: 0,
    });
    await cluster.eventually(
      async () =>
        (await pods()).some(
          ({ metadata, status }) => metadata.uid !== second.metadata.uid && status?.phase !== "Failed",
        ) || undefined,
    );
  });

  test("scale down by the pods that are missed least, never by more", async () => {
    await cluster.api.client.create(kinds.replicaSets, replicaSet(3));
    await count(3);
    const [first, second, third] = await pods();
    assert.ok(first && second && third);
    await cluster.run(first, { since: Date.now() - 60_000 });
    await cluster.run(second, { ready: false });
    await cluster.run(third, { since: Date.now() - 10_000 });
    await cluster.eventually(async () => (await current()).status?.readyReplicas === 2 || undefined);
    await scale(2);
    await count(2);
    await scale(1);
    await count(1);
    await cluster.quiet();
    assert.deepEqual(
      (await pods()).map(({ metadata }) => metadata.name),
      [first.metadata.name],
    );
  });

  test("adopt a matching pod without an owner, and release one whose labels changed", async () => {
    const orphan: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "lone", namespace: "sample", labels: { app: "web" } },
      spec: { containers: [{ name: "app" }] },
    };
    await cluster.api.client.create(kinds.pods, orphan);
    const set = await cluster.api.client.create(kinds.replicaSets, replicaSet(1));
    const adopted = await cluster.eventually(async () =>
      (await pods()).find((pod) => controllerOf(pod)?.uid === set.metadata.uid),
    );
    assert.equal(adopted.metadata.name, "lone");
    assert.equal((await pods()).length, 1);
    await cluster.api.client.patch(
      kinds.pods,
      "lone",
      { metadata: { labels: { app: "other" } } },
      { type: "merge", namespace: "sample" },
    );
    await cluster.eventually(async () => (await pods()).length === 2 || undefined);
    const released = (await pods()).find(({ metadata }) => metadata.name === "lone");
    assert.equal(released && controllerOf(released), undefined);
  });

  test("count a pod as available only minReadySeconds after it became ready", async () => {
    await cluster.api.client.create(kinds.replicaSets, replicaSet(1, 2));
    const pod = await cluster.eventually(async () => (await pods())[0]);
    const since = Date.now() - 1500;
    await cluster.run(pod, { since });
    await cluster.eventually(async () => (await current()).status?.readyReplicas === 1 || undefined);
    const { status } = await current();
    if (Date.now() < since + 2000) assert.equal(status?.availableReplicas, undefined);
    await cluster.eventually(async () => (await current()).status?.availableReplicas === 1 || undefined);
  });

  suite("a pod that the API server refuses", () => {
    const message = 'failed calling webhook "object.sidecar-injector.istio.io": no endpoints available';
    let attempts = 0;
    beforeEach(() => {
      attempts = 0;
      cluster.api.refuse = ({ method, path }) => {
        if (method !== "POST" || !path.endsWith("/pods")) return undefined;
        attempts++;
        return statusOf(500, "InternalError", message);
      };
    });
    const refused = () =>
      cluster.eventually(async () => findCondition((await current()).status?.conditions, "ReplicaFailure"));

    test("is told in a condition and an event, and tried again with growing pauses only", async () => {
      await cluster.api.client.create(kinds.replicaSets, replicaSet(5));
      const condition = await refused();
      assert.deepEqual(
        [condition.status, condition.reason, condition.message],
        ["True", "FailedCreate", message],
      );
      await cluster.cluster.events.idle();
      const [event] = await cluster.list(kinds.events);
      assert.deepEqual(
        [event?.["reason"], event?.["message"]],
        ["FailedCreate", `Error creating: ${message}`],
      );
      await cluster.eventually(() => (attempts >= 4 ? true : undefined));
      assert.ok(attempts < 8, `${attempts} attempts`);
    });

    const changes = [
      {
        what: "the webhook's endpoints",
        change: () =>
          cluster.api.client.create(kinds.endpointSlices, {
            apiVersion: "discovery.k8s.io/v1",
            kind: "EndpointSlice",
            metadata: {
              name: "istiod-x",
              namespace: "istio-system",
              labels: { "kubernetes.io/service-name": "istiod" },
            },
            addressType: "IPv4",
            endpoints: [],
          }),
      },
      {
        what: "the webhook's configuration",
        change: () =>
          cluster.api.client.patch(
            kinds.mutatingWebhooks,
            "injector",
            { metadata: { labels: { new: "yes" } } },
            { type: "merge" },
          ),
      },
      {
        what: "a service account of the namespace",
        change: () =>
          cluster.api.client.create(kinds.serviceAccounts, {
            apiVersion: "v1",
            kind: "ServiceAccount",
            metadata: { name: "default", namespace: "sample" },
          }),
      },
    ];
    for (const { what, change } of changes) {
      test(`is tried again when ${what} changes`, async () => {
        await cluster.api.client.create(kinds.mutatingWebhooks, {
          apiVersion: "admissionregistration.k8s.io/v1",
          kind: "MutatingWebhookConfiguration",
          metadata: { name: "injector" },
          webhooks: [
            { name: "a.b.c", clientConfig: { service: { namespace: "istio-system", name: "istiod" } } },
          ],
        });
        await cluster.api.client.create(kinds.replicaSets, replicaSet(1));
        await refused();
        await cluster.eventually(() => (attempts >= 5 ? true : undefined));
        await cluster.quiet();
        cluster.api.refuse = () => undefined;
        await change();
        await count(1);
        await cluster.eventually(async () =>
          findCondition((await current()).status?.conditions, "ReplicaFailure") === undefined
            ? true
            : undefined,
        );
      });
    }
  });
});

suite("podsToDelete()", () => {
  const pod = (
    name: string,
    fields: {
      node?: string;
      phase?: "Pending" | "Running";
      readyFor?: number;
      restarts?: number;
      cost?: string;
      age?: number;
    },
  ): Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      creationTimestamp: new Date(1e12 - (fields.age ?? 0) * 1000).toISOString(),
      ...(fields.cost === undefined
        ? {}
        : { annotations: { "controller.kubernetes.io/pod-deletion-cost": fields.cost } }),
    },
    spec: { containers: [], ...(fields.node === undefined ? {} : { nodeName: fields.node }) },
    status: {
      phase: fields.phase ?? "Running",
      conditions:
        fields.readyFor === undefined
          ? []
          : [
              {
                type: "Ready",
                status: "True",
                lastTransitionTime: new Date(1e12 - fields.readyFor * 1000).toISOString(),
              },
            ],
      containerStatuses: [
        { name: "a", ready: true, image: "", imageID: "", restartCount: fields.restarts ?? 0 },
      ],
    },
  });
  const cases = [
    { because: "it has no node", goes: pod("a", {}), stays: pod("b", { node: "n" }) },
    {
      because: "it is pending",
      goes: pod("a", { node: "n", phase: "Pending" }),
      stays: pod("b", { node: "n" }),
    },
    {
      because: "it is not ready",
      goes: pod("a", { node: "n" }),
      stays: pod("b", { node: "n", readyFor: 1 }),
    },
    {
      because: "it costs less",
      goes: pod("a", { node: "n", readyFor: 9, cost: "-5" }),
      stays: pod("b", { node: "n", readyFor: 1 }),
    },
    {
      because: "its node is crowded",
      goes: pod("a", { node: "full", readyFor: 9 }),
      stays: pod("b", { node: "n", readyFor: 1 }),
    },
    {
      because: "it became ready last",
      goes: pod("a", { node: "n", readyFor: 1 }),
      stays: pod("b", { node: "n", readyFor: 9 }),
    },
    {
      because: "it restarted more",
      goes: pod("a", { node: "n", readyFor: 1, restarts: 3 }),
      stays: pod("b", { node: "n", readyFor: 1 }),
    },
    {
      because: "it is younger",
      goes: pod("a", { node: "n", readyFor: 1, age: 1 }),
      stays: pod("b", { node: "n", readyFor: 1, age: 5 }),
    },
  ];
  for (const { because, goes, stays } of cases) {
    test(`a pod goes first because ${because}`, () => {
      const crowd = new Map([
        ["full", 3],
        ["n", 1],
      ]);
      assert.deepEqual(podsToDelete([stays, goes], 1, crowd), [goes]);
    });
  }
});
