import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { LogOptions } from "../contracts.ts";
import { createFakeClock } from "../test-support/fake-clock.ts";
import { type ContainerLog, createContainerLog } from "./container-log.ts";

const signal = new AbortController().signal;

async function read(log: ContainerLog, options: LogOptions = {}): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of log.read(options, signal)) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

suite("createContainerLog()", () => {
  const filled = () => {
    const clock = createFakeClock();
    const log = createContainerLog(clock);
    for (const line of ["one", "two", "three"]) {
      log.line(line);
      clock.advance(1000);
    }
    return log;
  };
  const reads: readonly [options: LogOptions, text: string][] = [
    [{}, "one\ntwo\nthree\n"],
    [{ tailLines: 2 }, "two\nthree\n"],
    [{ tailLines: 0 }, ""],
    [{ tailLines: 9 }, "one\ntwo\nthree\n"],
    [{ sinceSeconds: 2 }, "two\nthree\n"],
    [{ sinceTime: "2030-01-01T00:00:02Z" }, "three\n"],
    [{ limitBytes: 6 }, "one\ntw"],
    [{ timestamps: true, tailLines: 1 }, "2030-01-01T00:00:02.000000000Z three\n"],
  ];
  for (const [options, text] of reads) {
    test(`${JSON.stringify(options)} shows ${JSON.stringify(text)}`, async () => {
      assert.equal(await read(filled(), options), text);
    });
  }

  test("lines are put together from pieces, per stream", async () => {
    const log = createContainerLog(createFakeClock());
    log.write("stdout", Buffer.from("out"));
    log.write("stderr", Buffer.from("err\n"));
    log.write("stdout", Buffer.from("side\nrest"));
    assert.equal(await read(log), "err\noutside\n");
    log.close();
    assert.equal(await read(log), "err\noutside\nrest");
  });

  test("the oldest lines go when there are too many or too much", async () => {
    const few = createContainerLog(createFakeClock(), { lines: 3, bytes: 1000 });
    for (let i = 0; i < 5000; i++) few.line(String(i));
    assert.equal(await read(few), "4997\n4998\n4999\n");
    const small = createContainerLog(createFakeClock(), { lines: 100, bytes: 10 });
    for (const line of ["12345", "12345", "1"]) small.line(line);
    assert.equal(await read(small), "12345\n1\n");
  });

  test("a long line without end is kept in pieces and shown as one line", async () => {
    const log = createContainerLog(createFakeClock());
    const long = "x".repeat(100_000);
    log.line("before");
    log.line(long);
    assert.equal(await read(log, { tailLines: 1 }), `${long}\n`);
    assert.equal((await read(log, { timestamps: true })).split("2030-").length, 3);
  });

  test("many followers see the same, each to the end", async () => {
    const log = createContainerLog(createFakeClock());
    log.line("early");
    const followers = Array.from({ length: 5 }, () => read(log, { follow: true }));
    await Promise.resolve();
    log.line("late");
    log.close();
    assert.deepEqual(new Set(await Promise.all(followers)), new Set(["early\nlate\n"]));
  });
});
