import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Node, VirtualNode } from "../../kube/index.ts";
import { virtualNodeObject } from "./virtual-node-object.ts";

const virtualNode = (spec: VirtualNode["spec"] = {}): VirtualNode => ({
  apiVersion: "offloading.liqo.io/v1beta1",
  kind: "VirtualNode",
  metadata: { name: "provider1", namespace: "liqo-tenant-provider1" },
  spec: { clusterID: "provider1", ...spec },
});
const node = (zone: string): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: {
    name: zone,
    labels: { "topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": zone },
  },
});
const facts = {
  provider: "provider1",
  isReachable: true,
  nodes: [node("a"), node("a")],
  granted: { cpu: "20" },
  now: Date.parse("2026-01-01T00:01:00Z"),
};
const readyOf = (object: Node) => object.status?.conditions?.find(({ type }) => type === "Ready");

suite("a virtual node", () => {
  test("is known by its labels, keeps other pods away and offers what was granted", () => {
    const { metadata, spec, status } = virtualNodeObject(virtualNode(), facts);
    assert.equal(metadata.labels?.["liqo.io/type"], "virtual-node");
    assert.equal(metadata.labels["liqo.io/remote-cluster-id"], "provider1");
    assert.deepEqual(spec?.taints, [
      { key: "virtual-node.liqo.io/not-allowed", value: "true", effect: "NoExecute" },
    ]);
    assert.deepEqual(status.allocatable, { cpu: "20" });
    assert.deepEqual(status.addresses, [{ type: "Hostname", address: "provider1" }]);
  });

  const places = [
    { nodes: ["a", "a"], labels: {}, zone: "a", because: "its nodes agree" },
    { nodes: ["a", "b"], labels: {}, zone: undefined, because: "its nodes differ" },
    {
      nodes: ["a", "b"],
      labels: { "topology.kubernetes.io/zone": "c" },
      zone: "c",
      because: "the VirtualNode says so",
    },
  ];
  for (const { nodes, labels, zone, because } of places)
    test(`has the zone ${zone}: ${because}`, () => {
      const made = virtualNodeObject(virtualNode({ labels }), { ...facts, nodes: nodes.map(node) });
      assert.equal(made.metadata.labels?.["topology.kubernetes.io/zone"], zone);
      assert.equal(made.metadata.labels?.["topology.kubernetes.io/region"], "eu");
    });

  test("is ready as long as its provider answers, and says since when it is not", () => {
    const up = virtualNodeObject(virtualNode(), facts);
    assert.equal(readyOf(up)?.status, "True");
    const down = virtualNodeObject(
      virtualNode(),
      { ...facts, isReachable: false, now: facts.now + 60_000 },
      up,
    );
    assert.equal(readyOf(down)?.status, "Unknown");
    assert.equal(readyOf(down)?.lastTransitionTime, "2026-01-01T00:02:00Z");
    const still = virtualNodeObject(
      virtualNode(),
      { ...facts, isReachable: false, now: facts.now + 90_000 },
      down,
    );
    assert.equal(readyOf(still)?.lastTransitionTime, "2026-01-01T00:02:00Z");
  });
});
