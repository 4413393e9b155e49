import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { kinds } from "../../kube/index.ts";
import { controllerRevisions } from "../core/controller-revisions.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { volumeClaims } from "../volumes/volume-kinds.ts";
import { startStatefulSets } from "./start-stateful-sets.ts";
import { type StatefulSet, statefulSets } from "./stateful-set.ts";

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster([startStatefulSets]);
  cluster.api.serve(volumeClaims);
});
afterEach(() => cluster.stop());

const statefulSet = (spec: Partial<StatefulSet["spec"]> = {}): StatefulSet => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "db", namespace: "sample" },
  spec: {
    replicas: 3,
    serviceName: "db",
    selector: { matchLabels: { app: "db" } },
    template: { metadata: { labels: { app: "db" } }, spec: { containers: [{ name: "app", image: "db:1" }] } },
    ...spec,
  },
});
const pods = async () =>
  [...(await cluster.list(kinds.pods, "sample"))].sort((a, b) =>
    a.metadata.name < b.metadata.name ? -1 : 1,
  );
const names = async () => (await pods()).map(({ metadata }) => metadata.name);
const current = async () => {
  const found = await cluster.api.client.get(statefulSets, "db", "sample");
  assert.ok(found);
  return found;
};
const change = async (edit: (spec: StatefulSet["spec"]) => StatefulSet["spec"]) => {
  const { metadata, ...rest } = await current();
  const { resourceVersion: _, ...unversioned } = metadata;
  await cluster.api.client.replace(statefulSets, { ...rest, metadata: unversioned, spec: edit(rest.spec) });
};
const ready = (count: number) =>
  cluster.eventually(async () => {
    const { status, metadata } = await current();
    return (
      ((status?.readyReplicas ?? 0) === count &&
        status?.replicas === count &&
        status.observedGeneration === metadata.generation) ||
      undefined
    );
  });

suite("stateful sets", () => {
  test("make pods one after the other, with stable names, and take the last away first", async () => {
    await cluster.api.client.create(statefulSets, statefulSet());
    for (const name of ["db-0", "db-1", "db-2"]) {
      const pod = await cluster.eventually(async () =>
        (await pods()).find(({ metadata }) => metadata.name === name),
      );
      await cluster.quiet();
      assert.equal((await names()).at(-1), name, "the next one waits until this one is ready");
      assert.equal(pod.spec.hostname, name);
      assert.equal(pod.spec.subdomain, "db");
      assert.equal(pod.metadata.labels?.["statefulset.kubernetes.io/pod-name"], name);
      await cluster.run(pod);
    }
    await ready(3);
    await change((spec) => ({ ...spec, replicas: 1 }));
    cluster.kubelet();
    await ready(1);
    assert.deepEqual(await names(), ["db-0"]);
  });

  test("Parallel makes all at once", async () => {
    await cluster.api.client.create(statefulSets, statefulSet({ podManagementPolicy: "Parallel" }));
    await cluster.eventually(async () => ((await names()).length === 3 ? true : undefined));
  });

  test("roll over to a new template from the last to the first, and keep the revisions", async () => {
    cluster.kubelet();
    await cluster.api.client.create(statefulSets, statefulSet());
    await ready(3);
    const order: string[] = [];
    cluster.cluster.store(kinds.pods).subscribe(({ type, object }) => {
      if (type === "deleted") order.push(object.metadata.name);
    });
    await change((spec) => ({
      ...spec,
      template: { ...spec.template, spec: { containers: [{ name: "app", image: "db:2" }] } },
    }));
    await cluster.eventually(async () => {
      const { status } = await current();
      return (
        (status?.currentRevision === status?.updateRevision &&
          status?.updatedReplicas === 3 &&
          status.readyReplicas === 3 &&
          order.length === 3) ||
        undefined
      );
    });
    assert.deepEqual(order, ["db-2", "db-1", "db-0"]);
    for (const pod of await pods()) assert.equal(pod.spec.containers[0]?.image, "db:2");
    const revisions = await cluster.list(controllerRevisions, "sample");
    assert.deepEqual(revisions.map(({ revision }) => revision).sort(), [1, 2]);
  });

  test("a partition keeps the lower ordinals as they are, even when one is lost", async () => {
    cluster.kubelet();
    const updateStrategy = { type: "RollingUpdate", rollingUpdate: { partition: 2 } };
    await cluster.api.client.create(statefulSets, statefulSet({ updateStrategy }));
    await ready(3);
    await change((spec) => ({
      ...spec,
      template: { ...spec.template, spec: { containers: [{ name: "app", image: "db:2" }] } },
    }));
    const images = async () => (await pods()).map(({ spec }) => spec.containers[0]?.image).join();
    await cluster.eventually(async () => ((await images()) === "db:1,db:1,db:2" ? true : undefined));
    await cluster.api.client.delete(kinds.pods, "db-0", { namespace: "sample", gracePeriodSeconds: 0 });
    await cluster.quiet();
    await cluster.eventually(async () => ((await images()) === "db:1,db:1,db:2" ? true : undefined));
  });

  test("each pod gets its own volume claims, which stay", async () => {
    cluster.kubelet();
    const claim = { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "disk" }, spec: {} };
    await cluster.api.client.create(
      statefulSets,
      statefulSet({ replicas: 2, volumeClaimTemplates: [claim] }),
    );
    await ready(2);
    assert.deepEqual((await pods())[1]?.spec.volumes, [
      { name: "disk", persistentVolumeClaim: { claimName: "disk-db-1" } },
    ]);
    await change((spec) => ({ ...spec, replicas: 0 }));
    await ready(0);
    const claims = (await cluster.list(volumeClaims, "sample")).map(({ metadata }) => metadata.name);
    assert.deepEqual(claims.sort(), ["disk-db-0", "disk-db-1"]);
  });
});
