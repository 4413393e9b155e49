import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createManualClock } from "../../base/testing/manual-clock.ts";
import { createWorkQueue } from "./work-queue.ts";

suite("createWorkQueue()", () => {
  test("a key added many times comes out once", () => {
    const queue = createWorkQueue(createManualClock());
    for (const key of ["a", "b", "a", "a"]) queue.add(key);
    assert.deepEqual([queue.take(), queue.take(), queue.take()], ["a", "b", undefined]);
  });

  test("a key added while it is worked on comes out again, after it was handed back", () => {
    const queue = createWorkQueue(createManualClock());
    queue.add("a");
    queue.take();
    queue.add("a");
    assert.equal(queue.take(), undefined);
    queue.done("a");
    assert.equal(queue.take(), "a");
  });

  test("back-off grows by a third from 25 ms to 5 s, and starts over after a success", () => {
    const clock = createManualClock();
    const queue = createWorkQueue(clock);
    const wait = () => {
      queue.addWithBackOff("a");
      for (let waited = 0; ; waited += 5) {
        const key = queue.take();
        if (key !== undefined) {
          queue.done(key);
          return waited;
        }
        clock.move(5);
      }
    };
    const waits = Array.from({ length: 22 }, wait);
    const steps = Array.from({ length: 22 }, (_, i) => Math.min(5000, 25 * (4 / 3) ** i));
    for (const [i, most] of steps.entries()) {
      const waited = waits[i] ?? 0;
      assert.ok(waited >= most * 0.79 && waited <= most + 5, `${waited} ms of ${most}`);
    }
    queue.forget("a");
    assert.ok(wait() <= 55);
  });

  test("adding a key cuts its back-off short", () => {
    const clock = createManualClock();
    const queue = createWorkQueue(clock);
    queue.addWithBackOff("a");
    queue.add("a");
    assert.equal(queue.take(), "a");
    queue.done("a");
    clock.move(60_000);
    assert.equal(queue.take(), undefined);
  });

  test("a delay longer than timers last ends with the longest timer, not at once", () => {
    const clock = createManualClock();
    const queue = createWorkQueue(clock);
    queue.addAfter("a", 2 ** 40);
    clock.move(2 ** 31 - 2);
    assert.equal(queue.take(), undefined);
    clock.move(1);
    assert.equal(queue.take(), "a");
  });

  test("of two delays the earlier counts", () => {
    const clock = createManualClock();
    const queue = createWorkQueue(clock);
    queue.addAfter("a", 100);
    queue.addAfter("a", 10);
    queue.addAfter("a", 50);
    clock.move(11);
    assert.equal(queue.take(), "a");
    assert.equal(queue.size, 0);
  });
});
