import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { applyJsonPatch } from "../../../kube/index.ts";
import { jsonDifference } from "./json-difference.ts";

suite("jsonDifference()", () => {
  const cases: readonly { readonly before: unknown; readonly after: unknown; readonly operations: number }[] =
    [
      { before: { a: 1 }, after: { a: 1 }, operations: 0 },
      { before: { a: 1 }, after: { b: 2 }, operations: 2 },
      { before: { a: { "x/y~z": 1 } }, after: { a: { "x/y~z": 2, "/": 3 } }, operations: 2 },
      { before: { a: [1, 2, 3] }, after: { a: [0] }, operations: 3 },
      { before: { a: [] }, after: { a: [1, 2] }, operations: 2 },
      { before: { a: [{ b: 1, c: 2 }] }, after: { a: [{ b: 2, c: 2 }, null] }, operations: 2 },
      { before: { a: null }, after: { a: {} }, operations: 1 },
      { before: { a: [] }, after: { a: {} }, operations: 1 },
    ];
  for (const { before, after, operations } of cases) {
    test(`${JSON.stringify(before)} to ${JSON.stringify(after)} in ${operations} operations`, () => {
      const patch = jsonDifference(before, after);
      assert.equal(patch.length, operations);
      assert.deepEqual(applyJsonPatch(before, patch), after);
    });
  }
});
