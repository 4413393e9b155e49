import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Node, Pod } from "../../kube/index.ts";
import { explainPending } from "./explain-pending.ts";

const node = (name: string, ready: "True" | "Unknown" = "True"): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: {
    name,
    labels: {
      zone: name,
      ...(name === "home" ? {} : { "liqo.io/type": "virtual-node", "liqo.io/remote-cluster-id": name }),
    },
  },
  status: { allocatable: { cpu: "2", memory: "4Gi" }, conditions: [{ type: "Ready", status: ready }] },
});
const pod = (options: {
  readonly zone?: string;
  readonly tolerates?: boolean;
  readonly cpu?: string;
  readonly on?: string;
}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "shop" },
  spec: {
    containers: [{ name: "web", resources: { requests: { cpu: options.cpu ?? "500m" } } }],
    ...(options.zone === undefined ? {} : { nodeSelector: { zone: options.zone } }),
    ...(options.tolerates === false
      ? {}
      : { tolerations: [{ key: "virtual-node.liqo.io/not-allowed", operator: "Exists" }] }),
    ...(options.on === undefined ? {} : { nodeName: options.on }),
  },
});
const nodes = [node("home"), node("away")];

suite("why a pod waits for a provider", () => {
  const cases = [
    {
      of: pod({ zone: "away", tolerates: false }),
      says: "NamespaceNotOffloaded: namespace shop of consumer is not offloaded, so its pods can't run in away: add it to the namespaces of the peering, or make a NamespaceOffloading in it",
    },
    {
      of: pod({ zone: "away", cpu: "1600m" }),
      pods: [pod({ on: "away" }), pod({ on: "home" })],
      says: "InsufficientProviderResources: away has not enough left for it: cpu: 2 granted, 500m taken, 1600m needed",
    },
    {
      of: pod({ zone: "away" }),
      nodes: [node("home"), node("away", "Unknown")],
      says: "ProviderUnreachable: away does not answer",
    },
    { of: pod({ zone: "away" }), says: undefined },
    { of: pod({ cpu: "8", tolerates: false }), says: undefined },
    { of: pod({ zone: "elsewhere" }), says: undefined },
  ];
  for (const { of, says, ...more } of cases) {
    const { nodeSelector = {}, tolerations = [] } = of.spec;
    const what = `${JSON.stringify(nodeSelector)} with ${tolerations.length} tolerations`;
    test(`${what}: ${says ?? "the scheduler says it all"}`, () => {
      const why = explainPending(of, { name: "consumer", nodes, pods: [], ...more });
      assert.equal(why === undefined ? undefined : `${why.reason}: ${why.message}`, says);
    });
  }
});
