import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createFakeClock } from "../test-support/fake-clock.ts";
import { createBackOff, goDuration } from "./back-off.ts";

suite("createBackOff()", () => {
  test("the first restart is at once, later ones wait 10 s, 20 s … 5 min", () => {
    const clock = createFakeClock();
    const backOff = createBackOff(clock);
    const waits = Array.from({ length: 8 }, () => {
      const { wait } = backOff.remaining(clock.now());
      clock.advance(wait);
      backOff.next();
      return wait / 1000;
    });
    assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
  });

  test("a run of more than ten minutes begins anew", () => {
    const clock = createFakeClock();
    const backOff = createBackOff(clock);
    backOff.next();
    backOff.next();
    clock.advance(601_000);
    assert.equal(backOff.remaining(clock.now()).wait, 0);
  });
});

suite("goDuration()", () => {
  for (const [milliseconds, text] of [
    [10_000, "10s"],
    [80_000, "1m20s"],
    [300_000, "5m0s"],
  ] as const) {
    test(`${milliseconds} ms is ${text}`, () => assert.equal(goDuration(milliseconds), text));
  }
});
