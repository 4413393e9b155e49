import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { createManualClock, type ManualClock } from "../../base/testing/manual-clock.ts";
import { kinds, type Node, type Pod, type Taint } from "../../kube/index.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { startNodeTaints } from "./start-node-taints.ts";
import { startTaintEvictions } from "./start-taint-evictions.ts";

let clock: ManualClock;
let cluster: TestCluster;
beforeEach(() => {
  clock = createManualClock(Date.parse("2025-01-01T00:00:00Z"));
  cluster = startTestCluster([startNodeTaints, startTaintEvictions], clock);
});
afterEach(() => cluster.stop());

const createNode = (spec: Node["spec"] = {}, conditions: readonly object[] = []) =>
  cluster.api.client.create(kinds.nodes, {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "n1" },
    spec,
    status: { conditions },
  } as Node);
const changeNode = async (change: (node: Node) => Node, subresource?: string) => {
  const node = await cluster.api.client.get(kinds.nodes, "n1");
  assert.ok(node);
  const { resourceVersion: _, ...metadata } = node.metadata;
  await cluster.api.client.replace(kinds.nodes, change({ ...node, metadata }), subresource);
};
const taint = (taints: readonly Taint[]) =>
  changeNode((node) => ({ ...node, spec: { ...node.spec, taints } }));
const taintsAre = (wanted: readonly string[]) =>
  cluster.eventually(async () => {
    const node = await cluster.api.client.get(kinds.nodes, "n1");
    const found = (node?.spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
    return found.join() === wanted.join() || undefined;
  });
const createPod = (name: string, tolerations: Pod["spec"]["tolerations"] = []) =>
  cluster.api.client.create(kinds.pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "sample" },
    spec: { nodeName: "n1", tolerations, containers: [] },
  } as Pod);
const goes = (name: string) =>
  cluster.eventually(async () => {
    const pod = await cluster.api.client.get(kinds.pods, name, "sample");
    return pod?.metadata.deletionTimestamp === undefined ? undefined : pod;
  });
const stays = async (name: string) => {
  await cluster.quiet();
  const pod = await cluster.api.client.get(kinds.pods, name, "sample");
  assert.ok(pod !== undefined && pod.metadata.deletionTimestamp === undefined, `${name} goes`);
};

suite("taints of nodes", () => {
  test("follow cordons, and leave those of others alone", async () => {
    await createNode({ unschedulable: true, taints: [{ key: "mine", effect: "NoSchedule" }] });
    await taintsAre(["mine:NoSchedule", "node.kubernetes.io/unschedulable:NoSchedule"]);
    await changeNode((node) => ({ ...node, spec: { ...node.spec, unschedulable: false } }));
    await taintsAre(["mine:NoSchedule"]);
  });

  const cases: readonly (readonly [condition: object, taints: readonly string[]])[] = [
    [{ type: "Ready", status: "False" }, ["not-ready:NoSchedule", "not-ready:NoExecute"]],
    [{ type: "Ready", status: "Unknown" }, ["unreachable:NoSchedule", "unreachable:NoExecute"]],
    [{ type: "MemoryPressure", status: "True" }, ["memory-pressure:NoSchedule"]],
  ];
  for (const [condition, taints] of cases)
    test(`follow the condition ${JSON.stringify(condition)}`, async () => {
      await createNode({}, [condition]);
      await taintsAre(taints.map((one) => `node.kubernetes.io/${one}`));
      await changeNode(
        (node) => ({ ...node, status: { conditions: [{ type: "Ready", status: "True" }] } }),
        "status",
      );
      await taintsAre([]);
    });
});

suite("evictions by taints", () => {
  test("take at once what does not tolerate the taint, and say why", async () => {
    await createNode();
    await Promise.all([
      createPod("intolerant"),
      createPod("tolerant", [{ key: "broken", operator: "Exists", effect: "NoExecute" }]),
      createPod("other", [{ key: "broken", operator: "Equal", value: "no", effect: "NoExecute" }]),
    ]);
    await taint([{ key: "broken", value: "yes", effect: "NoExecute" }]);
    const gone = await goes("intolerant");
    const why = gone.status?.conditions?.find(({ type }) => type === "DisruptionTarget");
    assert.deepEqual(
      [why?.reason, why?.message],
      ["DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"],
    );
    await goes("other");
    await stays("tolerant");
    await cluster.cluster.events.idle();
    const events = (await cluster.list(kinds.events)).map(
      (event) => `${event["reason"]} ${event["message"]}`,
    );
    assert.ok(
      events.includes("TaintManagerEviction Marking for deletion Pod sample/intolerant"),
      events.join(),
    );
  });

  test("take later what tolerates the taint for a time, the shortest if there are several", async () => {
    await createNode({}, [{ type: "Ready", status: "False" }]);
    const forAWhile = (tolerationSeconds: number) => [
      { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds },
      { key: "extra", operator: "Exists", tolerationSeconds: 60 },
    ];
    await Promise.all([createPod("usual", forAWhile(300)), createPod("short", forAWhile(30))]);
    await taintsAre(["node.kubernetes.io/not-ready:NoSchedule", "node.kubernetes.io/not-ready:NoExecute"]);
    await stays("short");
    clock.move(30_000);
    await goes("short");
    await stays("usual");
    await changeNode((node) => ({
      ...node,
      spec: { taints: [...(node.spec?.taints ?? []), { key: "extra", effect: "NoExecute" }] },
    }));
    await stays("usual");
    clock.move(30_000);
    await goes("usual");
  });

  test("are called off when the taint goes in time", async () => {
    await createNode();
    await createPod("p", [{ key: "broken", operator: "Exists", tolerationSeconds: 60 }]);
    await taint([{ key: "broken", effect: "NoExecute" }]);
    await stays("p");
    await taint([]);
    await cluster.eventually(async () =>
      (await cluster.list(kinds.events)).find(
        (event) => event["message"] === "Cancelling deletion of Pod sample/p",
      ),
    );
    clock.move(120_000);
    await stays("p");
  });

  test("take a pod that comes to a tainted node all the same", async () => {
    await createNode({ taints: [{ key: "broken", effect: "NoExecute" }] });
    await createPod("late");
    await goes("late");
  });
});
