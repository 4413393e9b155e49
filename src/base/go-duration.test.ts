import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { parseGoDuration } from "./go-duration.ts";

const hour = 3_600_000;

suite("parseGoDuration()", () => {
  for (const [given, wanted] of [
    ["2160h", 2160 * hour],
    ["1h30m", 1.5 * hour],
    ["1.5s", 1500],
    ["250ms", 250],
    ["1m0.5s", 60_500],
    ["90", undefined],
    ["1d", undefined],
    ["", undefined],
    [undefined, undefined],
  ] as const) {
    test(`${given}: ${wanted}`, () => assert.equal(parseGoDuration(given), wanted));
  }
});
