import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { type ConfigMap, type KubeObject, kinds, type OwnerReference } from "../../kube/index.ts";
import { startAllObjects } from "../core/all-objects.ts";
import type { StartController } from "../core/controller.ts";
import { customKind } from "../test-support/fake-api.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { garbageCollector } from "./start-garbage-collector.ts";

const collector: StartController = (cluster) => garbageCollector(startAllObjects(cluster))(cluster);
const widgets = customKind("example.com/v1", "Widget", "widgets");

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster([collector]);
});
afterEach(() => cluster.stop());

const ownerOf = ({ apiVersion, kind, metadata }: KubeObject, block = true): OwnerReference => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid ?? "",
  controller: block,
  blockOwnerDeletion: block,
});
const create = (name: string, owners: readonly OwnerReference[] = []): Promise<ConfigMap> =>
  cluster.api.client.create(kinds.configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "sample", ...(owners.length === 0 ? {} : { ownerReferences: owners }) },
  });
const get = (name: string) => cluster.api.client.get(kinds.configMaps, name, "sample");
const gone = (...names: readonly string[]) =>
  cluster.eventually(async () =>
    (await Promise.all(names.map(get))).every((each) => each === undefined) ? true : undefined,
  );
const remove = (name: string, propagationPolicy: "Background" | "Foreground" | "Orphan") =>
  cluster.api.client.delete(kinds.configMaps, name, { namespace: "sample", propagationPolicy });

suite("garbage collector", () => {
  test("deletes what an owner leaves behind, and what that leaves behind", async () => {
    const owner = await create("owner");
    const child = await create("child", [ownerOf(owner)]);
    await create("grandchild", [ownerOf(child)]);
    await cluster.quiet();
    await remove("owner", "Background");
    await gone("owner", "child", "grandchild");
  });

  test("keeps an object that has another owner, and drops the reference to the one that is gone", async () => {
    const [a, b] = [await create("a"), await create("b")];
    await create("child", [ownerOf(a), ownerOf(b, false)]);
    await remove("a", "Background");
    const child = await cluster.eventually(async () => {
      const object = await get("child");
      return object?.metadata.ownerReferences?.length === 1 ? object : undefined;
    });
    assert.equal(child.metadata.ownerReferences?.[0]?.name, "b");
  });

  test("foreground: the owner goes after its dependents", async () => {
    const owner = await create("owner");
    const child = await create("child", [ownerOf(owner)]);
    await create("grandchild", [ownerOf(child)]);
    await cluster.quiet();
    const order: string[] = [];
    cluster.cluster.store(kinds.configMaps).subscribe(({ type, object }) => {
      if (type === "deleted") order.push(object.metadata.name);
    });
    await remove("owner", "Foreground");
    await gone("owner", "child", "grandchild");
    assert.deepEqual(order, ["grandchild", "child", "owner"]);
  });

  test("foreground: dependents that don't block are deleted but not waited for", async () => {
    const owner = await create("owner");
    await create("child", [ownerOf(owner, false)]);
    await cluster.quiet();
    await remove("owner", "Foreground");
    await gone("owner", "child");
  });

  test("orphan: dependents stay and forget their owner", async () => {
    const owner = await create("owner");
    await create("child", [ownerOf(owner)]);
    await cluster.quiet();
    await remove("owner", "Orphan");
    await gone("owner");
    await cluster.quiet();
    assert.deepEqual((await get("child"))?.metadata.ownerReferences, []);
  });

  test("an object made for an owner that never was goes", async () => {
    await create("child", [{ apiVersion: "v1", kind: "ConfigMap", name: "never", uid: "0" }]);
    await gone("child");
  });

  test("an owner of the same name but another uid is not the owner", async () => {
    const owner = await create("owner");
    await create("child", [{ ...ownerOf(owner), uid: "0" }]);
    await gone("child");
    assert.ok(await get("owner"));
  });

  test("an owner of a kind that nobody serves is left in peace", async () => {
    await create("child", [{ apiVersion: "example.com/v1", kind: "Nothing", name: "x", uid: "0" }]);
    await cluster.quiet();
    assert.ok(await get("child"));
  });

  test("custom resources own and are owned as soon as their kind is served", async () => {
    await cluster.quiet();
    cluster.api.serve(widgets);
    await cluster.api.client.create(kinds.customResourceDefinitions, {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "widgets.example.com" },
    });
    const widget = await cluster.api.client.create(widgets, {
      apiVersion: "example.com/v1",
      kind: "Widget",
      metadata: { name: "w", namespace: "sample" },
    });
    await create("child", [ownerOf(widget)]);
    await cluster.quiet();
    assert.ok(await get("child"));
    await cluster.api.client.delete(widgets, "w", { namespace: "sample" });
    await gone("child");
  });
});
