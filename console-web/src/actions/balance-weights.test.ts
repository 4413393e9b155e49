import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { balanceWeights } from "./balance-weights.ts";

suite("balanceWeights()", () => {
  const cases: readonly [
    before: Readonly<Record<string, number>>,
    set: readonly [string, number],
    after: Readonly<Record<string, number>>,
  ][] = [
    [{ v1: 50, v2: 50 }, ["v1", 90], { v1: 90, v2: 10 }],
    [{ v1: 100, v2: 0 }, ["v2", 25], { v1: 75, v2: 25 }],
    [{ v1: 60, v2: 30, v3: 10 }, ["v1", 20], { v1: 20, v2: 60, v3: 20 }],
    [{ v1: 0, v2: 0, v3: 100 }, ["v3", 1], { v1: 50, v2: 49, v3: 1 }],
    [{ v1: 33, v2: 33, v3: 34 }, ["v1", 0], { v1: 0, v2: 49, v3: 51 }],
    [{ v1: 40 }, ["v1", 10], { v1: 100 }],
    [{ v1: 50, v2: 50 }, ["v2", 130], { v1: 0, v2: 100 }],
  ];
  for (const [before, [name, value], after] of cases)
    test(`${JSON.stringify(before)} with ${name} at ${value} is ${JSON.stringify(after)}`, () => {
      const found = balanceWeights(before, name, value);
      assert.deepEqual(found, after);
      assert.equal(
        Object.values(found).reduce((sum, one) => sum + one, 0),
        100,
      );
    });
});
