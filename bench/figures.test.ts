import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { formatTable, median, quantile, ratio, short } from "./figures.ts";

suite("figures of the benches", () => {
  test("a quantile is the value below which the share lies, whatever the order", () => {
    const values = [5, 1, 4, 2, 3, 10, 9, 8, 7, 6];
    assert.deepEqual(
      [quantile(values, 0), median(values), quantile(values, 0.99), quantile(values, 1)],
      [1, 6, 10, 10],
    );
    assert.ok(Number.isNaN(median([])));
  });

  test.each([
    [10, 20, "lower", "2.0 ×"],
    [20, 10, "lower", "0.50 ×"],
    [300, 10, "higher", "30 ×"],
    [0, 10, "lower", "–"],
  ] as const)("ours %d beside %d, %s is better: %s", (ours, theirs, better, said) => {
    assert.equal(ratio(ours, theirs, better), said);
  });

  test("numbers have as many digits as mean something", () => {
    assert.deepEqual([0.123, 1.26, 12.6, 1234.5, Number.NaN].map(short), ["0.12", "1.3", "13", "1,235", "–"]);
  });

  test("a table has its first column to the left and the others to the right", () => {
    assert.deepEqual(formatTable([["a", "b"], ["long", "100"], ["x"]]), [
      "  a       b",
      "  long  100",
      "  x",
    ]);
  });
});
