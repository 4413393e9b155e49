import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { duration, table } from "./terminal.ts";

suite("table()", () => {
  test("aligns columns by what is seen, colours not counted, and ends no line in blanks", () => {
    const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
    assert.deepEqual(
      table([
        ["a", "bb", ""],
        [red("ccc"), "d", "e"],
      ]),
      ["a     bb", `${red("ccc")}   d    e`],
    );
  });
});

suite("duration()", () => {
  const cases: readonly (readonly [number, string])[] = [
    [410, "0.41 s"],
    [12_345, "12 s"],
    [180_000, "3 m"],
    [2 * 3600_000, "2 h"],
    [5 * 86_400_000, "5 d"],
    [3650 * 86_400_000, "10 y"],
  ];
  for (const [milliseconds, text] of cases) {
    test(`${milliseconds} ms is ${text}`, () => {
      assert.equal(duration(milliseconds), text);
    });
  }
});
