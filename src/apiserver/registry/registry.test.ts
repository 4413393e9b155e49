import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { compareVersions, createRegistry } from "./registry.ts";

suite("registry", () => {
  test("versions are preferred as Kubernetes prefers them", () => {
    const versions = ["v1alpha3", "v2beta1", "foo", "v1", "v10", "v2", "v1beta1", "v11beta2", "bar"];
    assert.deepEqual([...versions].sort(compareVersions), [
      "v10",
      "v2",
      "v1",
      "v11beta2",
      "v2beta1",
      "v1beta1",
      "v1alpha3",
      "bar",
      "foo",
    ]);
  });

  test("versions of one kind share their objects", () => {
    const registry = createRegistry();
    assert.deepEqual(
      registry.versions("horizontalpodautoscalers.autoscaling").map(({ version }) => version),
      ["v2", "v1"],
    );
    assert.equal(
      registry.find("events.k8s.io", "v1", "events")?.storedAs,
      registry.find("", "v1", "events")?.storedAs,
    );
  });

  test("the kinds of a definition come and go, and readers are told", () => {
    const registry = createRegistry();
    const type = registry.find("", "v1", "configmaps");
    assert.ok(type);
    let told = 0;
    const stop = new AbortController();
    registry.changes.subscribe(() => told++, stop.signal);
    registry.setCustom("things.example.com", [
      { ...type, group: "example.com", plural: "things", kind: "Thing", storedAs: "things.example.com" },
    ]);
    assert.equal(registry.findKind("example.com", "v1", "Thing")?.plural, "things");
    assert.ok(registry.groups().some(({ group }) => group === "example.com"));
    registry.setCustom("things.example.com", []);
    assert.equal(registry.find("example.com", "v1", "things"), undefined);
    assert.equal(told, 2);
    stop.abort();
  });
});
