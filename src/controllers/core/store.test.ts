import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { type ConfigMap, kinds } from "../../kube/index.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster([]);
});
afterEach(() => cluster.stop());

const configMap = (name: string): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "sample" },
});

suite("startStore()", () => {
  test("shows an own write before the watch tells of it, and tells of it once", async () => {
    const store = cluster.cluster.store(kinds.configMaps);
    await store.synced;
    const changes: string[] = [];
    store.subscribe(({ type, object }) => changes.push(`${type} ${object.metadata.name}`));
    const created = await cluster.cluster.create(kinds.configMaps, configMap("a"));
    assert.equal(store.get("a", "sample"), created);
    await cluster.quiet();
    assert.deepEqual(changes, ["added a"]);
  });

  test("an object deleted by us is terminating at once, and no earlier change takes that back", async () => {
    const store = cluster.cluster.store(kinds.configMaps);
    await cluster.cluster.create(kinds.configMaps, {
      ...configMap("a"),
      metadata: { ...configMap("a").metadata, finalizers: ["x/y"] },
    });
    const before = store.get("a", "sample");
    assert.ok(before);
    // A change by somebody else that the watch has not brought yet when we delete.
    const { resourceVersion: _, ...metadata } = before.metadata;
    await cluster.api.client.replace(kinds.configMaps, { ...before, metadata, data: { late: "yes" } });
    store.rememberDeletion(before);
    await cluster.eventually(() => (store.get("a", "sample")?.data?.["late"] === "yes" ? true : undefined));
    assert.notEqual(store.get("a", "sample")?.metadata.deletionTimestamp, undefined);
  });

  test("the late answer to a write does not bring a deleted object back", async () => {
    const store = cluster.cluster.store(kinds.configMaps);
    const created = await cluster.cluster.create(kinds.configMaps, configMap("a"));
    await cluster.api.client.delete(kinds.configMaps, "a", { namespace: "sample" });
    await cluster.eventually(() => (store.get("a", "sample") === undefined ? true : undefined));
    store.remember(created);
    assert.equal(store.get("a", "sample"), undefined);
  });

  test("finds objects by uid and by owner", async () => {
    const store = cluster.cluster.store(kinds.configMaps);
    const owner = { apiVersion: "v1", kind: "Namespace", name: "sample", uid: "owner-1" };
    const owned = { ...configMap("a"), metadata: { ...configMap("a").metadata, ownerReferences: [owner] } };
    const created = await cluster.cluster.create(kinds.configMaps, owned);
    assert.deepEqual(store.ownedBy("owner-1"), [created]);
    assert.equal(store.byUid(created.metadata.uid ?? ""), created);
    const released = await cluster.cluster.mergePatch(kinds.configMaps, created, {
      metadata: { ownerReferences: [] },
    });
    assert.deepEqual(store.ownedBy("owner-1"), []);
    assert.equal(store.byUid(created.metadata.uid ?? ""), released);
  });
});
