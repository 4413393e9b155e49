import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { quantityMillis } from "./quantity.ts";

suite("quantityMillis()", () => {
  const cases: readonly [text: string | number, millis: number | undefined][] = [
    ["100m", 100],
    ["0.1", 100],
    ["1.5", 1500],
    ["2", 2000],
    [2, 2000],
    ["1e3", 1_000_000],
    ["1Ki", 1_024_000],
    ["128Mi", 134_217_728_000],
    ["1k", 1_000_000],
    ["1u", 1],
    ["0", 0],
    ["", undefined],
    ["lots", undefined],
    ["1 Gi", undefined],
  ];
  for (const [text, millis] of cases) {
    test(`${JSON.stringify(text)} is ${millis}`, () => assert.equal(quantityMillis(text), millis));
  }
});
