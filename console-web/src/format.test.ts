import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { byteRate, duration, figure, parseRange, percentage, rangeText } from "./format.ts";

suite("numbers as people read them", () => {
  test("figures have the digits that count", () => {
    const written = [0, 0.01, 0.42, 4.21, 48.63, 123.4, 12_345].map(figure);
    assert.deepEqual(written, ["0", "< 0.1", "0.4", "4.2", "48.6", "123", "12,345"]);
  });

  test("a percentage is 100 only when nothing is missing", () => {
    assert.deepEqual([1, 0.99999, 0.9966, 0.5, 0.031, 0.0001, 0].map(percentage), [
      "100",
      "99.99",
      "99.66",
      "50",
      "3.1",
      "< 0.1",
      "0",
    ]);
  });

  test("durations change their unit in time", () => {
    assert.deepEqual([200, 12_000, 180_000, 7_200_000, 31_449_600_000, 315_576_000_000].map(duration), [
      "0.2 s",
      "12 s",
      "3 m",
      "2 h",
      "364 d",
      "10 y",
    ]);
  });

  test("ranges come back from the address as they were", () => {
    for (const seconds of [30, 60, 300, 21_600]) assert.equal(parseRange(rangeText(seconds)), seconds);
    assert.equal(parseRange("soon"), undefined);
  });

  test("bytes have the unit that keeps them short", () => assert.equal(byteRate(1_234_567), "1.2 MB/s"));
});
