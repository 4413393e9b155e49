import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { suite, test } from "vitest";
import { createCpuMeter, watchLike } from "./cpu-meter.ts";

/** Keeps the processor busy; gives how long that took, in milliseconds. */
function work(milliseconds: number): number {
  const started = performance.now();
  while (performance.now() - started < milliseconds);
  return performance.now() - started;
}

// Real time is measured: a machine that stops the process between two lines has it tried again.
suite("createCpuMeter()", { retry: 5 }, () => {
  test("counts what the events of its sockets set off, and nothing else", () => {
    const meter = createCpuMeter();
    const [own, other] = [new EventEmitter(), new EventEmitter()];
    meter.watch(own);
    let done = 0;
    own.on("data", () => {
      done += work(4);
    });
    other.on("data", () => work(4));
    own.emit("data");
    other.emit("data");
    work(4);
    assert.ok(meter.time() >= done && meter.time() < done + 2, `${meter.time()} of ${done}`);
  });

  test("a handler that sets off another proxy's events is charged for its own part alone", () => {
    const [first, second] = [createCpuMeter(), createCpuMeter()];
    const [a, b] = [new EventEmitter(), new EventEmitter()];
    first.watch(a);
    second.watch(b);
    let [ofA, ofB] = [0, 0];
    b.on("data", () => {
      ofB += work(6);
    });
    a.on("data", () => {
      ofA += work(3);
      b.emit("data");
      ofA += work(3);
    });
    a.emit("data");
    assert.ok(first.time() >= ofA && first.time() < ofA + 2, `${first.time()} of ${ofA}`);
    assert.ok(second.time() >= ofB && second.time() < ofB + 2, `${second.time()} of ${ofB}`);
  });

  test("a socket that wraps another counts to the same proxy, once", () => {
    const meter = createCpuMeter();
    const [raw, secure] = [new EventEmitter(), new EventEmitter()];
    meter.watch(raw);
    watchLike(raw, secure);
    watchLike(new EventEmitter(), new EventEmitter());
    let done = 0;
    secure.on("data", () => {
      done += work(3);
      raw.emit("drain");
    });
    raw.on("drain", () => {
      done += work(3);
    });
    secure.emit("data");
    assert.ok(meter.time() >= done && meter.time() < done + 2, `${meter.time()} of ${done}`);
  });

  test("a handler that throws ends its account", () => {
    const meter = createCpuMeter();
    const socket = new EventEmitter();
    meter.watch(socket);
    socket.on("data", () => {
      throw new Error("handler");
    });
    assert.throws(() => socket.emit("data"), /handler/);
    const before = meter.time();
    work(3);
    assert.equal(meter.time(), before);
  });
});
