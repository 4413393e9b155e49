import assert from "node:assert/strict";
import { afterEach, suite, test } from "vitest";
import { createSignal } from "../../base/index.ts";
import type { Probe } from "../../kube/index.ts";
import { createFakeClock } from "../test-support/fake-clock.ts";
import { type ProbeKind, runProbeLoop } from "./probe-loop.ts";

/** Lets everything go on that waits for promises only. */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

let ends = new AbortController();
afterEach(() => {
  ends.abort();
  ends = new AbortController();
});

/** Runs a loop over made-up results and tells when, in ms, it asked and what it said. */
function startLoop(kind: ProbeKind, probe: Probe, results: (time: number) => boolean) {
  const clock = createFakeClock();
  const changes = createSignal();
  const begun = clock.now();
  const asked: number[] = [];
  const said: string[] = [];
  void runProbeLoop(
    {
      kind,
      probe,
      async run() {
        const time = clock.now() - begun;
        asked.push(time);
        return results(time) ? { ok: true } : { ok: false, message: "no" };
      },
      onVerdict: (isSuccess) => said.push(`${clock.now() - begun} ${isSuccess}`),
      onFailure: () => said.push(`${clock.now() - begun} failure`),
      changes,
      clock,
    },
    ends.signal,
  );
  return {
    asked,
    said,
    changes,
    async run(milliseconds: number) {
      const until = clock.now() + milliseconds;
      for (;;) {
        await nextTurn();
        const next = clock.nextTimer();
        if (next === undefined || clock.now() + next > until) break;
        clock.advance(next);
      }
      clock.advance(until - clock.now());
    },
  };
}

suite("runProbeLoop()", () => {
  test("readiness is asked again soon until the first success, then by its period", async () => {
    const loop = startLoop("readiness", { periodSeconds: 10 }, (time) => time >= 200);
    await loop.run(25_000);
    assert.deepEqual(loop.asked.slice(0, 5), [0, 50, 112.5, 190.625, 288.28125]);
    assert.deepEqual(loop.said, ["0 failure", "288.28125 true"]);
  });

  test("quick attempts that fail don't count, only those at the period", async () => {
    const loop = startLoop("readiness", { periodSeconds: 1, failureThreshold: 3 }, () => false);
    await loop.run(2500);
    assert.ok(loop.asked.length > 5);
    assert.deepEqual(
      loop.said.map((line) => line.split(" ")[1]),
      ["failure", "failure", "failure", "false"],
    );
  });

  test("a change is a reason to ask at once", async () => {
    let isUp = false;
    const loop = startLoop("startup", { periodSeconds: 1 }, () => isUp);
    await loop.run(60);
    isUp = true;
    loop.changes.notify();
    await loop.run(0);
    assert.deepEqual(loop.asked, [0, 50, 60]);
  });

  test("nothing that fails before the initial delay counts", async () => {
    const loop = startLoop(
      "startup",
      { periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 5 },
      (time) => time > 4000,
    );
    await loop.run(6000);
    assert.equal(loop.said.length, 1);
    assert.match(loop.said[0] ?? "", / true$/);
  });

  test("liveness keeps to its delay and period and tells at the threshold", async () => {
    const loop = startLoop(
      "liveness",
      { periodSeconds: 2, failureThreshold: 2, initialDelaySeconds: 3 },
      () => false,
    );
    await loop.run(6000);
    assert.deepEqual(loop.asked, [3000, 5000]);
    assert.deepEqual(loop.said, ["3000 failure", "5000 failure", "5000 false"]);
  });

  test("a success threshold wants that many successes in a row", async () => {
    const loop = startLoop("readiness", { periodSeconds: 1, successThreshold: 3 }, (time) => time >= 1000);
    await loop.run(4000);
    assert.deepEqual(loop.said.filter((line) => line.endsWith("true")).length, 1);
  });
});
