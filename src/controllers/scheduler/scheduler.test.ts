import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import { kinds, type Node, type Pod, type PodSpec } from "../../kube/index.ts";
import { findCondition } from "../core/conditions.ts";
import { startTestCluster, type TestCluster } from "../test-support/test-cluster.ts";
import { podRequests } from "./resource-requests.ts";
import { startScheduler } from "./start-scheduler.ts";

let cluster: TestCluster;
beforeEach(() => {
  cluster = startTestCluster([startScheduler]);
});
afterEach(() => cluster.stop());

interface NodeFields {
  readonly labels?: Record<string, string>;
  readonly capacity?: Record<string, string>;
  readonly spec?: NonNullable<Node["spec"]>;
}
const node = (name: string, { labels = {}, capacity = {}, spec = {} }: NodeFields = {}): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
  spec,
  status: { allocatable: { cpu: "2", memory: "4Gi", pods: "110", ...capacity } },
});
const pod = (name: string, spec: Partial<PodSpec> = {}, requests: Record<string, string> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "sample" },
  spec: { containers: [{ name: "app", resources: { requests } }], ...spec },
});
const createNodes = async (...nodes: readonly Node[]) => {
  for (const each of nodes) await cluster.api.client.create(kinds.nodes, each);
};
const create = (each: Pod) => cluster.api.client.create(kinds.pods, each);
const current = async (name: string) => {
  const found = await cluster.api.client.get(kinds.pods, name, "sample");
  assert.ok(found);
  return found;
};
const placed = (name: string) => cluster.eventually(async () => (await current(name)).spec.nodeName);
const refusal = async (name: string) => {
  const condition = await cluster.eventually(async () =>
    findCondition((await current(name)).status?.conditions, "PodScheduled"),
  );
  assert.deepEqual([condition.status, condition.reason], ["False", "Unschedulable"]);
  return condition.message;
};
const nodeAffinity = (operator: string, values: readonly string[]) => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: "topology.kubernetes.io/zone", operator, values }] }],
      },
    },
  },
});

suite("scheduler", () => {
  test("binds a pod and says so in an event", async () => {
    await createNodes(node("node-1"));
    await create(pod("web"));
    assert.equal(await placed("web"), "node-1");
    await cluster.cluster.events.idle();
    const [event] = await cluster.eventually(async () => {
      const events = await cluster.list(kinds.events);
      return events.length > 0 ? events : undefined;
    });
    assert.equal(event?.["message"], "Successfully assigned sample/web to node-1");
    assert.deepEqual(event?.["source"], { component: "default-scheduler" });
  });

  const refusals = [
    {
      why: "no node has the resource",
      nodes: [node("a")],
      pod: pod("p", {}, { "nvidia.com/gpu": "1" }),
      message:
        "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    },
    {
      why: "each node has a reason of its own",
      nodes: [
        node("a", { spec: { taints: [{ key: "dedicated", value: "db", effect: "NoSchedule" }] } }),
        node("b", { spec: { unschedulable: true } }),
        node("c", { capacity: { cpu: "100m", memory: "1Mi" } }),
      ],
      pod: pod("p", {}, { cpu: "1", memory: "1Gi" }),
      message:
        "0/3 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) had untolerated taint {dedicated: db}, 1 node(s) were unschedulable. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    },
    {
      why: "the zone it wants has no node",
      nodes: [node("a", { labels: { "topology.kubernetes.io/zone": "east" } })],
      pod: pod("p", nodeAffinity("In", ["west"])),
      message:
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    },
    { why: "there is no node", nodes: [], pod: pod("p"), message: "no nodes available to schedule pods" },
  ];
  for (const { why, nodes, pod: wanted, message } of refusals) {
    test(`explains in Kubernetes' words that ${why}`, async () => {
      await createNodes(...nodes);
      await create(wanted);
      assert.equal(await refusal("p"), message);
    });
  }

  test("other pods may take the room; then preemption could help in principle, and the pod gets it when they go", async () => {
    await createNodes(node("a", { capacity: { cpu: "1" } }));
    await create(pod("first", {}, { cpu: "600m" }));
    await placed("first");
    await create(pod("second", {}, { cpu: "600m" }));
    assert.match(
      (await refusal("second")) ?? "",
      /1 Insufficient cpu.*1 No preemption victims found for incoming pod\.$/,
    );
    await cluster.api.client.delete(kinds.pods, "first", { namespace: "sample", gracePeriodSeconds: 0 });
    assert.equal(await placed("second"), "a");
  });

  test("a pod that fits nowhere is placed as soon as a node comes or changes", async () => {
    await create(pod("web", { nodeSelector: { disk: "ssd" } }));
    await refusal("web");
    await createNodes(node("a"));
    await cluster.quiet();
    assert.equal((await current("web")).spec.nodeName, undefined);
    await cluster.api.client.patch(
      kinds.nodes,
      "a",
      { metadata: { labels: { disk: "ssd" } } },
      { type: "merge" },
    );
    assert.equal(await placed("web"), "a");
  });

  test("never gives away more than a node has, however many pods come at once", async () => {
    await createNodes(node("a", { capacity: { cpu: "1" } }), node("b", { capacity: { cpu: "1" } }));
    const names = Array.from({ length: 6 }, (_, i) => `p${i}`);
    await Promise.all(names.map((name) => create(pod(name, {}, { cpu: "500m" }))));
    await cluster.eventually(async () => {
      const pods = await cluster.list(kinds.pods);
      return (
        pods.every(({ spec, status }) => spec.nodeName !== undefined || status !== undefined) || undefined
      );
    });
    const counts = new Map<string | undefined, number>();
    for (const { spec } of await cluster.list(kinds.pods))
      counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1);
    assert.deepEqual([counts.get("a"), counts.get("b"), counts.get(undefined)], [2, 2, 2]);
  });

  test("spreads pods of one controller over nodes", async () => {
    await createNodes(node("a"), node("b"), node("c"));
    const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "rs-1", controller: true };
    for (let i = 0; i < 6; i++) {
      const each = pod(`p${i}`);
      await create({ ...each, metadata: { ...each.metadata, ownerReferences: [owner] } });
    }
    const nodes = await Promise.all(Array.from({ length: 6 }, (_, i) => placed(`p${i}`)));
    for (const name of ["a", "b", "c"]) assert.equal(nodes.filter((each) => each === name).length, 2);
  });

  const placements: readonly {
    readonly what: string;
    readonly spec: Partial<PodSpec>;
    readonly on: string;
  }[] = [
    {
      what: "a toleration opens a tainted node",
      spec: { nodeSelector: { gpu: "yes" }, tolerations: [{ key: "gpu", operator: "Exists" }] },
      on: "tainted",
    },
    { what: "NotIn holds for a node without the label", spec: nodeAffinity("NotIn", ["east"]), on: "plain" },
    {
      what: "a preference decides between nodes that fit",
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 10,
                preference: {
                  matchExpressions: [
                    { key: "topology.kubernetes.io/zone", operator: "In", values: ["east"] },
                  ],
                },
              },
            ],
          },
        },
      },
      on: "zoned",
    },
  ];
  for (const { what, spec, on } of placements) {
    test(what, async () => {
      await createNodes(
        node("plain"),
        node("tainted", { labels: { gpu: "yes" }, spec: { taints: [{ key: "gpu", effect: "NoSchedule" }] } }),
        node("zoned", { labels: { "topology.kubernetes.io/zone": "east" } }),
      );
      await create(pod("p", spec));
      assert.equal(await placed("p"), on);
    });
  }

  test("leaves pods to other schedulers, and gated ones until the gate is gone", async () => {
    await createNodes(node("a"));
    await create(pod("other", { schedulerName: "mine" }));
    await create(pod("gated", { schedulingGates: [{ name: "wait" }] }));
    await cluster.quiet();
    assert.equal((await current("other")).spec.nodeName, undefined);
    const gated = await current("gated");
    await cluster.api.client.replace(kinds.pods, { ...gated, spec: { ...gated.spec, schedulingGates: [] } });
    assert.equal(await placed("gated"), "a");
    assert.equal((await current("other")).spec.nodeName, undefined);
  });
});

suite("podRequests()", () => {
  const container = (cpu: string, restartPolicy?: string) => ({
    name: "c",
    resources: { requests: { cpu } },
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  });
  const cases = [
    { what: "containers add up", spec: { containers: [container("100m"), container("0.2")] }, cpu: 300 },
    {
      what: "init containers run one after the other",
      spec: { containers: [container("100m")], initContainers: [container("300m"), container("200m")] },
      cpu: 300,
    },
    {
      what: "sidecars stay",
      spec: {
        containers: [container("100m")],
        initContainers: [container("50m", "Always"), container("200m")],
      },
      cpu: 250,
    },
    {
      what: "a limit alone is a request",
      spec: { containers: [{ name: "c", resources: { limits: { cpu: "1" } } }] },
      cpu: 1000,
    },
    {
      what: "overhead counts",
      spec: { containers: [container("100m")], overhead: { cpu: "10m" } },
      cpu: 110,
    },
  ];
  for (const { what, spec, cpu } of cases) test(what, () => assert.equal(podRequests(spec).get("cpu"), cpu));
});
