import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { formatResourceList, type Node, resourceList } from "../../kube/index.ts";
import { grantResources, offeredResources, workingNodes } from "./grant-resources.ts";

const node = (options: {
  readonly ready?: "True" | "False";
  readonly labels?: Record<string, string>;
  readonly unschedulable?: boolean;
}): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n", labels: options.labels ?? {} },
  spec: { unschedulable: options.unschedulable ?? false },
  status: {
    allocatable: { cpu: "16", memory: "32Gi", pods: "110" },
    conditions: [{ type: "Ready", status: options.ready ?? "True" }],
  },
});

suite("what a provider grants", () => {
  test("comes from its own nodes that can take pods now", () => {
    const nodes = [
      node({}),
      node({}),
      node({ ready: "False" }),
      node({ unschedulable: true }),
      node({ labels: { "liqo.io/type": "virtual-node" } }),
    ];
    const offered = offeredResources(workingNodes(nodes));
    assert.deepEqual(formatResourceList(offered), { cpu: "32", memory: "64Gi", pods: "220" });
  });

  const offered = resourceList({ cpu: "32", memory: "64Gi", pods: "220" });
  const cases = [
    {
      because: "what is asked for, as it was written, and all of the rest",
      asked: [{ cpu: 20, memory: "20Gi" }],
      resources: { cpu: "20", memory: "20Gi", pods: "220" },
      shortfalls: [],
    },
    {
      because: "no more than there is, which is said",
      asked: [{ cpu: "40", memory: "20Gi" }],
      resources: { cpu: "32", memory: "20Gi", pods: "220" },
      shortfalls: ["cpu: 40 asked for, 32 offered"],
    },
    {
      because: "nothing of what it does not have",
      asked: [{ "nvidia.com/gpu": "1" }],
      resources: { cpu: "32", memory: "64Gi", pods: "220", "nvidia.com/gpu": "0" },
      shortfalls: ["nvidia.com/gpu: 1 asked for, 0 offered"],
    },
    {
      because: "the least of several limits",
      asked: [{ cpu: "20" }, { cpu: "5500m" }, undefined],
      resources: { cpu: "5500m", memory: "64Gi", pods: "220" },
      shortfalls: [],
    },
  ];
  for (const { because, asked, resources, shortfalls } of cases)
    test(`is ${because}`, () =>
      assert.deepEqual(grantResources(asked as never, offered), { resources, shortfalls }));
});
