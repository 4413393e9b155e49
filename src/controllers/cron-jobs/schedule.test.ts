import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { parseSchedule } from "./schedule.ts";

const at = (text: string) => Date.parse(text);
const shown = (time: number | undefined) =>
  time === undefined ? "never" : new Date(time).toISOString().slice(0, 16);

suite("parseSchedule()", () => {
  // 2025-01-01 is a Wednesday.
  const cases: readonly (readonly [schedule: string, after: string, next: string, last: string])[] = [
    ["*/5 * * * *", "2025-01-01T00:01:00Z", "2025-01-01T00:05", "2025-01-01T00:00"],
    ["0 * * * *", "2025-01-01T23:30:00Z", "2025-01-02T00:00", "2025-01-01T23:00"],
    ["30 4 * * *", "2025-01-01T04:30:00Z", "2025-01-02T04:30", "2025-01-01T04:30"],
    ["0 9 * * mon-fri", "2025-01-03T10:00:00Z", "2025-01-06T09:00", "2025-01-03T09:00"],
    ["0 0 * * 7", "2025-01-01T00:00:00Z", "2025-01-05T00:00", "2024-12-29T00:00"],
    ["0 0 13 * fri", "2025-01-01T00:00:00Z", "2025-01-03T00:00", "2024-12-27T00:00"],
    ["0 0 31 * *", "2025-02-01T00:00:00Z", "2025-03-31T00:00", "2025-01-31T00:00"],
    ["15,45 6-8/2 1 JAN,jul *", "2025-01-01T07:00:00Z", "2025-01-01T08:15", "2025-01-01T06:45"],
    ["0 0 29 2 *", "2025-01-01T00:00:00Z", "2028-02-29T00:00", "2024-02-29T00:00"],
    ["0 0 30 2 *", "2025-01-01T00:00:00Z", "never", "never"],
    ["@weekly", "2025-01-01T00:00:00Z", "2025-01-05T00:00", "2024-12-29T00:00"],
    ["@every 1h30m", "2025-01-01T00:01:00Z", "2025-01-01T01:30", "2025-01-01T00:00"],
  ];
  for (const [schedule, after, next, last] of cases)
    test(`${schedule} after ${after} is ${next}, and was ${last}`, () => {
      const parsed = parseSchedule(schedule);
      assert.deepEqual([shown(parsed.next(at(after))), shown(parsed.last(at(after)))], [next, last]);
    });

  test("counts in a time zone, summer time included", () => {
    const berlin = parseSchedule("0 9 * * *", "Europe/Berlin");
    assert.equal(shown(berlin.next(at("2025-01-01T00:00:00Z"))), "2025-01-01T08:00");
    assert.equal(shown(berlin.next(at("2025-07-01T00:00:00Z"))), "2025-07-01T07:00");
    const skipped = parseSchedule("30 2 * * *", "Europe/Berlin");
    assert.equal(shown(skipped.next(at("2025-03-29T12:00:00Z"))), "2025-03-31T00:30");
  });

  for (const [schedule, says] of [
    ["* * * *", "expected exactly 5 fields, found 4: [* * * *]"],
    ["60 * * * *", "end of range (60) above maximum (59): 60"],
    ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
    ["9-5 * * * *", "beginning of range (9) beyond end of range (5): 9-5"],
    ["*/0 * * * *", "step of range should be a positive number: */0"],
    ["@often", "unrecognized descriptor: @often"],
    ["@every now", "failed to parse duration @every now"],
  ] as const)
    test(`${schedule} is none: ${says}`, () =>
      assert.throws(() => parseSchedule(schedule), { message: says }));

  test("a time zone that does not exist is said", () => {
    assert.throws(() => parseSchedule("* * * * *", "Mars/Olympus"), {
      message: "unknown time zone Mars/Olympus",
    });
  });
});
