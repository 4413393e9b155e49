import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { isEquivalent } from "./canonical-json.ts";
import { intOrPercent } from "./int-or-percent.ts";
import { templateHash } from "./template-hash.ts";

suite("templateHash()", () => {
  test("is the same for templates that differ in order, nulls and empty values only", () => {
    const a = {
      metadata: { labels: { app: "x" }, creationTimestamp: null },
      spec: { containers: [{ name: "a", image: "i" }], volumes: [] },
    };
    const b = {
      spec: { containers: [{ image: "i", name: "a" }] },
      metadata: { annotations: {}, labels: { app: "x" } },
    };
    assert.equal(templateHash(a, undefined), templateHash(b, undefined));
    assert.ok(isEquivalent(a, b));
  });

  test("changes with the template and with the collision count", () => {
    const hashes = [
      templateHash({ a: 1 }, undefined),
      templateHash({ a: 2 }, undefined),
      templateHash({ a: 1 }, 1),
    ];
    assert.equal(new Set(hashes).size, 3);
    for (const hash of hashes) assert.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
  });
});

suite("intOrPercent()", () => {
  const cases = [
    { value: 3, total: 10, up: 3, down: 3 },
    { value: "25%", total: 10, up: 3, down: 2 },
    { value: "0%", total: 10, up: 0, down: 0 },
    { value: "100%", total: 7, up: 7, down: 7 },
    { value: "some", total: 7, up: undefined, down: undefined },
  ];
  for (const { value, total, up, down } of cases) {
    test(`${value} of ${total} is ${up} rounded up and ${down} rounded down`, () => {
      assert.equal(intOrPercent(value, total, "up"), up);
      assert.equal(intOrPercent(value, total, "down"), down);
    });
  }
});
