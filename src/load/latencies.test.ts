import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createLatencies } from "./latencies.ts";

suite("createLatencies()", () => {
  test("percentiles are at most 0.5 % above what was measured, over times of every size", () => {
    const latencies = createLatencies();
    const times = Array.from({ length: 1000 }, (_, i) => 0.01 * 1.01 ** i);
    for (const time of [...times].reverse()) latencies.add(time);
    const found = latencies.percentiles();
    for (const [share, value] of [
      [0.5, found.p50],
      [0.9, found.p90],
      [0.99, found.p99],
    ] as const) {
      const exact = times[times.length * share - 1] ?? 0;
      assert.ok(value >= exact * 0.9999 && value <= exact * 1.0051, `${share}: ${value}, not ${exact}`);
    }
    assert.equal(found.max, times.at(-1));
  });

  test("a single time is every percentile, and none is 0", () => {
    const latencies = createLatencies();
    assert.deepEqual(latencies.percentiles(), { p50: 0, p90: 0, p99: 0, max: 0 });
    latencies.add(3);
    assert.deepEqual(latencies.percentiles(), { p50: 3, p90: 3, p99: 3, max: 3 });
  });
});
