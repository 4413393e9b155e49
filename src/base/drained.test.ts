import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { suite, test } from "vitest";
import { drained } from "./drained.ts";

/** A stream that is behind: nobody reads what was written. */
function full(): PassThrough {
  const stream = new PassThrough({ highWaterMark: 4 });
  while (stream.write("abcd"));
  return stream;
}

/** Whether it resolved by the time that everything which is due has run. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

suite("drained()", () => {
  test("does not wait for a stream that takes more", async () => {
    assert.ok(await isDone(drained(new PassThrough())));
  });

  test("waits until what was written is taken, and leaves no listener", async () => {
    const stream = full();
    const before = stream.listenerCount("drain");
    const waiting = drained(stream);
    assert.equal(await isDone(waiting), false);
    stream.resume();
    await waiting;
    assert.equal(stream.listenerCount("drain"), before);
  });

  test("does not wait for a stream that is gone, before or meanwhile", async () => {
    const stream = full();
    const waiting = drained(stream);
    stream.destroy();
    await waiting;
    assert.ok(await isDone(drained(stream)));
  });
});
