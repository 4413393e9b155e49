import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { diffLines } from "./line-diff.ts";

suite("diffLines()", () => {
  const marks = { same: " ", taken: "-", added: "+" } as const;
  const cases: readonly [title: string, before: string, after: string, diff: readonly string[]][] = [
    [
      "a changed line",
      "a\nweight: 50\nb\n",
      "a\nweight: 90\nb\n",
      [" a", "-weight: 50", "+weight: 90", " b"],
    ],
    ["a new text", "", "a\nb\n", ["+a", "+b"]],
    ["lines at the end", "a\n", "a\nb\n", [" a", "+b"]],
    ["nothing", "a\nb\n", "a\nb\n", [" a", " b"]],
  ];
  for (const [title, before, after, diff] of cases)
    test(title, () =>
      assert.deepEqual(
        diffLines(before, after).map(({ kind, text }) => `${marks[kind]}${text}`),
        diff,
      ),
    );
});
