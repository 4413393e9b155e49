import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { NamespaceOffloading, NodeSelectorTerm, Pod } from "../../kube/index.ts";
import { placedPod, placePods } from "./place-pods.ts";

const zone = (value: string): NodeSelectorTerm => ({
  matchExpressions: [{ key: "topology.kubernetes.io/zone", operator: "In", values: [value] }],
});
const virtual = (operator: "In" | "NotIn") => ({ key: "liqo.io/type", operator, values: ["virtual-node"] });
const toleration = { key: "virtual-node.liqo.io/not-allowed", operator: "Exists", effect: "NoExecute" };

const offloading = (spec: NamespaceOffloading["spec"]): NamespaceOffloading => ({
  apiVersion: "offloading.liqo.io/v1beta1",
  kind: "NamespaceOffloading",
  metadata: { name: "offloading", namespace: "shop" },
  spec,
});
const pod = (own: readonly NodeSelectorTerm[] = []): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "shop" },
  spec: {
    containers: [{ name: "web" }],
    tolerations: [{ key: "spot", operator: "Exists" }],
    ...(own.length === 0 ? {} : { affinity: required(own) }),
  },
});
const required = (nodeSelectorTerms: readonly NodeSelectorTerm[]) => ({
  nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
});

suite("a new pod of an offloaded namespace", () => {
  const cases = [
    { strategy: "LocalAndRemote", selector: [], own: [], terms: undefined, because: "every node will do" },
    {
      strategy: "LocalAndRemote",
      selector: [zone("a")],
      own: [],
      terms: [zone("a"), { matchExpressions: [virtual("NotIn")] }],
      because: "the clusters selected, or home",
    },
    {
      strategy: "Remote",
      selector: [],
      own: [],
      terms: [{ matchExpressions: [virtual("In")] }],
      because: "virtual nodes only",
    },
    {
      strategy: "Remote",
      selector: [zone("a"), zone("b")],
      own: [{ matchExpressions: [{ key: "gpu", operator: "Exists" }], matchFields: [] }],
      terms: ["a", "b"].map((name) => ({
        matchExpressions: [
          { key: "gpu", operator: "Exists" },
          ...(zone(name).matchExpressions ?? []),
          virtual("In"),
        ],
      })),
      because: "its own terms are combined with each cluster's",
    },
  ] as const;
  for (const { strategy, selector, own, terms, because } of cases)
    test(`${strategy}, ${selector.length} selected, ${own.length} of its own: ${because}`, () => {
      const placed = placedPod(
        pod(own),
        offloading({ podOffloadingStrategy: strategy, clusterSelector: { nodeSelectorTerms: selector } }),
      );
      assert.deepEqual(placed.spec.tolerations, [{ key: "spot", operator: "Exists" }, toleration]);
      assert.deepEqual(placed.spec.affinity, terms === undefined ? undefined : required(terms));
    });

  test("stays as it is under the strategy Local, and while the offloading is being deleted", () => {
    assert.equal(
      placedPod(pod(), offloading({ podOffloadingStrategy: "Local" })).spec.tolerations?.length,
      1,
    );
    const { metadata, ...going } = offloading({ podOffloadingStrategy: "Remote" });
    const deleted = { ...going, metadata: { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    assert.equal(placedPod(pod(), deleted).spec.affinity, undefined);
  });

  test("is found by its namespace; pods of others are not touched", () => {
    const find = (resource: string, name: string, namespace?: string) =>
      resource === "namespaceoffloadings.offloading.liqo.io" && name === "offloading" && namespace === "shop"
        ? offloading({ podOffloadingStrategy: "LocalAndRemote" })
        : undefined;
    const other = { ...pod(), metadata: { name: "web", namespace: "default" } };
    assert.equal(placePods.complete(other, find), other);
    assert.notDeepEqual(placePods.complete(pod(), find), pod());
  });
});
