import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { kinds, type Node } from "../../kube/index.ts";
import { startScheduler } from "../scheduler/start-scheduler.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { type DaemonSet, daemonSets } from "./daemon-set.ts";
import { startDaemonSets } from "./start-daemon-sets.ts";

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster([startDaemonSets, startScheduler]);
  cluster.kubelet();
});
afterEach(() => cluster.stop());

const node = (name: string, fields: { labels?: Record<string, string>; taint?: string } = {}): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: fields.labels ?? {} },
  spec: fields.taint === undefined ? {} : { taints: [{ key: fields.taint, effect: "NoSchedule" }] },
  status: { allocatable: { pods: "10" } },
});
const daemonSet = (nodeSelector: Record<string, string> = {}): DaemonSet => ({
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  metadata: { name: "agent", namespace: "sample" },
  spec: {
    selector: { matchLabels: { app: "agent" } },
    template: {
      metadata: { labels: { app: "agent" } },
      spec: { nodeSelector, containers: [{ name: "app", image: "agent:1" }] },
    },
  },
});
const nodesOfPods = async () => (await cluster.list(kinds.pods)).map(({ spec }) => spec.nodeName).sort();
const current = async () => {
  const found = await cluster.api.client.get(daemonSets, "agent", "sample");
  assert.ok(found);
  return found;
};
const available = (count: number) =>
  cluster.eventually(async () => {
    const { status, metadata } = await current();
    return (
      (status?.observedGeneration === metadata.generation &&
        status?.numberAvailable === count &&
        status.desiredNumberScheduled === count &&
        status.updatedNumberScheduled === count) ||
      undefined
    );
  });

suite("daemon sets", () => {
  test("run one pod on every node that fits, on those that come later, and none where a node goes", async () => {
    for (const each of [node("a"), node("b"), node("tainted", { taint: "dedicated" })])
      await cluster.api.client.create(kinds.nodes, each);
    await cluster.api.client.create(daemonSets, daemonSet());
    await available(2);
    assert.deepEqual(await nodesOfPods(), ["a", "b"]);
    await cluster.api.client.create(kinds.nodes, node("c"));
    await available(3);
    await cluster.api.client.delete(kinds.nodes, "a");
    await available(2);
    await cluster.eventually(async () => ((await nodesOfPods()).join() === "b,c" ? true : undefined));
  });

  test("follow the labels of nodes", async () => {
    await cluster.api.client.create(kinds.nodes, node("a"));
    await cluster.api.client.create(daemonSets, daemonSet({ disk: "ssd" }));
    await cluster.quiet();
    assert.deepEqual(await nodesOfPods(), []);
    await cluster.api.client.patch(
      kinds.nodes,
      "a",
      { metadata: { labels: { disk: "ssd" } } },
      { type: "merge" },
    );
    await available(1);
    await cluster.api.client.patch(
      kinds.nodes,
      "a",
      { metadata: { labels: { disk: "hdd" } } },
      { type: "merge" },
    );
    await cluster.eventually(async () => ((await nodesOfPods()).length === 0 ? true : undefined));
  });

  test("replace outdated pods node by node", async () => {
    for (const name of ["a", "b", "c"]) await cluster.api.client.create(kinds.nodes, node(name));
    await cluster.api.client.create(daemonSets, daemonSet());
    await available(3);
    let least = 3;
    cluster.cluster.store(daemonSets).subscribe(({ object }) => {
      least = Math.min(least, object.status?.numberAvailable ?? 3);
    });
    const { metadata, ...rest } = await current();
    const { resourceVersion: _, ...unversioned } = metadata;
    const template = { ...rest.spec.template, spec: { containers: [{ name: "app", image: "agent:2" }] } };
    await cluster.api.client.replace(daemonSets, {
      ...rest,
      metadata: unversioned,
      spec: { ...rest.spec, template },
    });
    await available(3);
    assert.ok(least >= 2, `${least} available`);
    for (const pod of await cluster.list(kinds.pods)) assert.equal(pod.spec.containers[0]?.image, "agent:2");
  });
});
