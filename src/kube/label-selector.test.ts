import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { matchesLabelSelector, matchesLabels } from "./label-selector.ts";
import type { LabelSelector } from "./types.ts";

suite("matchesLabelSelector()", () => {
  const labels = { app: "web", tier: "front" };
  const cases: readonly [because: string, selector: LabelSelector | undefined, selects: boolean][] = [
    ["no selector selects nothing", undefined, false],
    ["an empty selector selects everything", {}, true],
    ["every matchLabels entry must be there", { matchLabels: { app: "web", tier: "back" } }, false],
    [
      "In wants one of the values",
      { matchExpressions: [{ key: "app", operator: "In", values: ["api", "web"] }] },
      true,
    ],
    ["In needs the label", { matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }] }, false],
    [
      "NotIn holds where the label is missing",
      { matchExpressions: [{ key: "zone", operator: "NotIn", values: ["a"] }] },
      true,
    ],
    [
      "NotIn refuses the value",
      { matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] },
      false,
    ],
    ["Exists", { matchExpressions: [{ key: "app", operator: "Exists" }] }, true],
    ["DoesNotExist", { matchExpressions: [{ key: "app", operator: "DoesNotExist" }] }, false],
  ];
  for (const [because, selector, selects] of cases) {
    test(because, () => assert.equal(matchesLabelSelector(selector, labels), selects));
  }

  test("an object without labels fits only empty label sets", () => {
    assert.equal(matchesLabels({}, undefined), true);
    assert.equal(matchesLabels({ app: "web" }, undefined), false);
  });
});
