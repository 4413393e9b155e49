import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { applyMergePatch } from "../../kube/index.ts";
import { replacingPatch } from "./replacing-patch.ts";

suite("replacingPatch()", () => {
  const cases = [
    { what: "a field that goes", before: { a: 1, b: 2 }, after: { a: 1 } },
    { what: "a field that goes deep inside", before: { c: { x: 1, y: 2 } }, after: { c: { x: 1 } } },
    { what: "a map in place of a word", before: { c: "x" }, after: { c: { x: 1 } } },
    { what: "a list, which is taken as a whole", before: { l: [1, 2] }, after: { l: [2] } },
    { what: "nothing before", before: undefined, after: { a: { b: 1 } } },
  ];
  for (const { what, before, after } of cases)
    test(`${what}: what is left is the same as what was wanted`, () => {
      const patch = replacingPatch(before, after);
      assert.deepEqual(applyMergePatch(before as never, patch as never), after);
    });
});
