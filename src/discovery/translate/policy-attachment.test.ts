import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Attachable } from "./config-types.ts";
import { isAttached } from "./policy-attachment.ts";
import { proxyOf } from "./test-support/make-world.ts";

const gateway = proxyOf({
  type: "router",
  labels: { app: "gw", "gateway.networking.k8s.io/gateway-name": "web" },
});
const pod = proxyOf({ labels: { app: "shop" } });
const target = { group: "gateway.networking.k8s.io", kind: "Gateway", name: "web" };

suite("isAttached()", () => {
  const cases: readonly (readonly [string, Attachable | undefined, boolean, boolean])[] = [
    ["one without selector and targets is for all", {}, true, true],
    ["one without a spec too", undefined, true, true],
    ["a selector is for those with its labels", { selector: { matchLabels: { app: "shop" } } }, true, false],
    ["targets are for the Gateway of that name", { targetRefs: [target] }, false, true],
    ["the older single target as well", { targetRef: target }, false, true],
    [
      "targets come before the older one",
      { targetRef: target, targetRefs: [{ ...target, name: "x" }] },
      false,
      false,
    ],
    ["another kind is for nobody here", { targetRefs: [{ ...target, kind: "Service" }] }, false, false],
    ["another namespace is for nobody", { targetRefs: [{ ...target, namespace: "other" }] }, false, false],
  ];
  for (const [title, spec, forPod, forGateway] of cases) {
    test(title, () => {
      assert.equal(isAttached(spec, "sample", pod), forPod);
      assert.equal(isAttached(spec, "sample", gateway), forGateway);
    });
  }

  test("targets of the root namespace's policies are not those of other namespaces", () => {
    assert.equal(isAttached({ targetRefs: [target] }, "istio-system", gateway), false);
  });
});
