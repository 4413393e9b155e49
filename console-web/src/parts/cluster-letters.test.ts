import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { clusterLetters } from "./cluster-letters.ts";

suite("clusterLetters()", () => {
  const cases: readonly [names: readonly string[], letters: readonly string[]][] = [
    [
      ["fra", "ash"],
      ["fr", "as"],
    ],
    [
      ["main0", "remote0"],
      ["m0", "r0"],
    ],
    [
      ["east", "eastern"],
      ["ea", "es"],
    ],
    [
      ["c1", "c2", "c11"],
      ["c1", "c2", "11"],
    ],
    [
      ["mesh-1", "mesh-2"],
      ["m1", "m2"],
    ],
  ];
  for (const [names, letters] of cases)
    test(`${names.join(", ")} are ${letters.join(", ")}`, () =>
      assert.deepEqual([...clusterLetters(names).values()], letters));

  test("twenty clusters of one pattern have twenty marks", () => {
    const names = Array.from({ length: 20 }, (_, i) => `cluster-${i + 1}`);
    assert.equal(new Set(clusterLetters(names).values()).size, 20);
  });
});
