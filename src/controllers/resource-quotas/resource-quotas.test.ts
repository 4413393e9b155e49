import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { kinds, type Pod } from "../../kube/index.ts";
import { startAllObjects } from "../core/all-objects.ts";
import type { Cluster } from "../core/cluster.ts";
import { startReplicaSets } from "../replica-sets/start-replica-sets.ts";
import { statusOf } from "../test-support/fake-api.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { type ResourceQuota, resourceQuotas } from "./resource-quota.ts";
import { resourceQuotasController } from "./start-resource-quotas.ts";

let cluster: TestCluster;
beforeEach(() => {
  const quotas = (inner: Cluster) => {
    const objects = startAllObjects(inner);
    const stop = resourceQuotasController(objects)(inner);
    return async () => {
      await Promise.all([stop(), objects.stop()]);
    };
  };
  cluster = startTestCluster([quotas, startReplicaSets]);
});
afterEach(() => cluster.stop());

const quota = (hard: Record<string, string>): ResourceQuota => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: { name: "q", namespace: "sample" },
  spec: { hard },
});
const pod = (name: string, cpu = "100m"): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "sample" },
  spec: { containers: [{ name: "app", resources: { requests: { cpu } } }] },
});
const current = async () => {
  const found = await cluster.api.client.get(resourceQuotas, "q", "sample");
  assert.ok(found);
  return found;
};
const usedIs = (wanted: Record<string, string>) =>
  cluster.eventually(async () => {
    const { used = {} } = (await current()).status ?? {};
    return Object.entries(wanted).every(([name, amount]) => used[name] === amount) || undefined;
  });

suite("resource quotas", () => {
  test("say what is in use of what they allow, and follow their spec", async () => {
    await cluster.api.client.create(kinds.pods, pod("a"));
    await cluster.api.client.create(resourceQuotas, quota({ "requests.cpu": "1", "count/secrets": "5" }));
    await usedIs({ "requests.cpu": "100m", "count/secrets": "0" });
    assert.deepEqual((await current()).status?.hard, { "requests.cpu": "1", "count/secrets": "5" });
    const { resourceVersion: _, ...metadata } = (await current()).metadata;
    await cluster.api.client.replace(resourceQuotas, {
      ...(await current()),
      metadata,
      spec: { hard: { pods: "9" } },
    });
    await usedIs({ pods: "1" });
    assert.deepEqual((await current()).status?.hard, { pods: "9" });
  });

  test("get back what a pod had when it is deleted or has ended", async () => {
    const [first] = await Promise.all(
      ["a", "b", "c"].map((name) => cluster.api.client.create(kinds.pods, pod(name))),
    );
    await cluster.api.client.create(resourceQuotas, quota({ pods: "9", "count/pods": "9" }));
    await usedIs({ pods: "3", "count/pods": "3" });
    await cluster.api.client.delete(kinds.pods, "b", { namespace: "sample", gracePeriodSeconds: 0 });
    await usedIs({ pods: "2", "count/pods": "2" });
    assert.ok(first);
    await cluster.run(first, { phase: "Succeeded" });
    await usedIs({ pods: "1", "count/pods": "2" });
  });

  test("count again when the API server has counted meanwhile", async () => {
    await cluster.api.client.create(kinds.pods, pod("a"));
    let isFirst = true;
    cluster.api.refuse = ({ method, path }) => {
      if (method !== "PUT" || !path.endsWith("/resourcequotas/q/status") || !isFirst) return undefined;
      isFirst = false;
      return statusOf(409, "Conflict", "the object has been modified");
    };
    await cluster.api.client.create(resourceQuotas, quota({ pods: "9" }));
    await usedIs({ pods: "1" });
    assert.equal(isFirst, false);
  });

  test("make a replica set that was refused try again when they have room", async () => {
    await cluster.api.client.create(resourceQuotas, quota({ pods: "1" }));
    const message =
      'pods "web-x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1';
    cluster.api.refuse = ({ method, path }) =>
      method === "POST" && path.endsWith("/pods") ? statusOf(403, "Forbidden", message) : undefined;
    await cluster.api.client.create(kinds.replicaSets, {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: "web", namespace: "sample" },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: "web" } },
        template: { metadata: { labels: { app: "web" } }, spec: { containers: [] } },
      },
    });
    const event = await cluster.eventually(async () =>
      (await cluster.list(kinds.events)).find((one) => one["reason"] === "FailedCreate"),
    );
    assert.equal(event["message"], `Error creating: ${message}`);
    const failed = await cluster.eventually(async () =>
      (await cluster.api.client.get(kinds.replicaSets, "web", "sample"))?.status?.conditions?.find(
        ({ type }) => type === "ReplicaFailure",
      ),
    );
    assert.deepEqual([failed.status, failed.reason, failed.message], ["True", "FailedCreate", message]);
    cluster.api.refuse = () => undefined;
    const { resourceVersion: _, ...metadata } = (await current()).metadata;
    await cluster.api.client.replace(resourceQuotas, {
      ...(await current()),
      metadata,
      spec: { hard: { pods: "2" } },
    });
    await cluster.eventually(
      async () => (await cluster.list(kinds.pods, "sample")).length === 1 || undefined,
    );
  });
});
