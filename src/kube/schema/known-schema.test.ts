import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { knownSchema } from "./known-schema.ts";
import { validateValue } from "./validate-value.ts";

suite("knownSchema()", () => {
  const known = [
    ["v1", "Pod", true],
    ["networking.istio.io/v1", "VirtualService", false],
    ["core.liqo.io/v1beta1", "ForeignCluster", false],
    ["authentication.liqo.io/v1beta1", "ResourceSlice", false],
    ["offloading.liqo.io/v1beta1", "VirtualNode", false],
    ["offloading.liqo.io/v1beta1", "NamespaceOffloading", false],
  ] as const;
  for (const [apiVersion, kind, isBuiltIn] of known)
    test(`${kind} of ${apiVersion} is known`, () =>
      assert.equal(knownSchema(apiVersion, kind)?.isBuiltIn, isBuiltIn));

  test("kinds of others and versions that nobody serves are not", () => {
    assert.equal(knownSchema("example.com/v1", "Thing"), undefined);
    assert.equal(knownSchema("offloading.liqo.io/v1", "VirtualNode"), undefined);
  });

  test("a strategy that Liqo does not have is refused, with the place", () => {
    const schema = knownSchema("offloading.liqo.io/v1beta1", "NamespaceOffloading")?.schema;
    assert.ok(schema);
    const offloading = (podOffloadingStrategy: string) => ({
      apiVersion: "offloading.liqo.io/v1beta1",
      kind: "NamespaceOffloading",
      metadata: { name: "offloading", namespace: "shop" },
      spec: { podOffloadingStrategy, namespaceMappingStrategy: "EnforceSameName" },
    });
    assert.deepEqual(validateValue(schema, offloading("LocalAndRemote")), []);
    const [cause, ...others] = validateValue(schema, offloading("Elsewhere"));
    assert.equal(cause?.field, "spec.podOffloadingStrategy");
    assert.deepEqual(others, []);
  });
});
