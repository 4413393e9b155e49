import assert from "node:assert/strict";
import { afterEach, suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import type { RunningContainer } from "../contracts.ts";
import { createFakeClock, type FakeClock } from "../test-support/fake-clock.ts";
import { isReady, startTestNodes, type TestNodes } from "../test-support/start-test-nodes.ts";
import { type GroupUse, parseStat } from "./process-groups.ts";
import { createUsageMeter, type MeteredContainer, type UsageMeter } from "./usage-meter.ts";

const mebibyte = 1024 * 1024;
let meter: UsageMeter | undefined;
afterEach(() => meter?.stop());

function containerOf(name: string, use: RunningContainer["use"], execs: ReadonlySet<number> = new Set()) {
  const running: RunningContainer = {
    exited: new Promise(() => {}),
    stop: async () => {},
    ...(use === undefined ? {} : { use }),
  };
  return { pod: { namespace: "sample", name: "p" }, name, running, execs };
}

/** Reads as the meter is read again and again, `after` milliseconds later each time. */
async function readAfter(clock: FakeClock, after: number) {
  clock.advance(after);
  const reading = meter?.read() ?? assert.fail("no meter");
  // The first reading waits for a window to pass.
  await waitFor(
    async () => {
      const done = await Promise.race([
        reading.then(() => true),
        new Promise((resolve) => setImmediate(resolve)),
      ]);
      if (done !== true && clock.nextTimer() !== undefined) clock.advance(500);
      return done === true ? true : undefined;
    },
    { signal: AbortSignal.timeout(30_000), every: 1 },
  );
  return reading;
}

function meterOf(containers: readonly MeteredContainer[], groups: Map<number, GroupUse> = new Map()) {
  const clock = createFakeClock();
  meter = createUsageMeter(
    () => containers,
    clock,
    async () => groups,
  );
  return clock;
}

suite("createUsageMeter()", () => {
  test("gives the processor time of a window, which is as long as the time since it was last asked", async () => {
    let cpuTime = 5000;
    const clock = meterOf([containerOf("app", { cpuTime: () => cpuTime })]);
    const [first] = await readAfter(clock, 0);
    assert.deepEqual([first?.window, first?.containers[0]?.cpu], [500, 0]);
    cpuTime += 3750;
    const [second] = await readAfter(clock, 15_000);
    assert.deepEqual([second?.window, second?.containers[0]?.cpu], [15_000, 0.25]);
  });

  test("looks ten seconds back when it is asked more often", async () => {
    let cpuTime = 0;
    const clock = meterOf([containerOf("app", { cpuTime: () => cpuTime })]);
    await readAfter(clock, 0);
    for (let second = 0; second < 20; second++) {
      cpuTime += second < 10 ? 0 : 500;
      await readAfter(clock, 1000);
    }
    const [last] = await readAfter(clock, 0);
    assert.equal(last?.window, 10_000);
    assert.equal(last?.containers[0]?.cpu, 0.5);
  });

  test("forgets what was long ago, and does nothing while nobody asks", async () => {
    let cpuTime = 0;
    const clock = meterOf([containerOf("app", { cpuTime: () => cpuTime })]);
    await readAfter(clock, 0);
    assert.equal(clock.nextTimer(), undefined);
    cpuTime = 60_000;
    const [after] = await readAfter(clock, 120_000);
    assert.deepEqual([after?.window, after?.containers[0]?.cpu], [500, 0]);
  });

  test("adds up a container's process groups, those of execs included, and counts what has ended", async () => {
    const groups = new Map([
      [7, { cpuTime: 100, memory: 3 * mebibyte }],
      [8, { cpuTime: 0, memory: mebibyte }],
    ]);
    const execs = new Set([8]);
    const clock = meterOf([containerOf("app", { processGroups: () => [7] }, execs)], groups);
    const [first] = await readAfter(clock, 0);
    assert.equal(first?.containers[0]?.memory, 4 * mebibyte);
    groups.set(8, { cpuTime: 2000, memory: mebibyte });
    await readAfter(clock, 2000);
    execs.delete(8);
    groups.delete(8);
    const [after] = await readAfter(clock, 7500);
    assert.equal(after?.containers[0]?.cpu, 0.2);
    assert.equal(after?.containers[0]?.memory, 3 * mebibyte);
  });

  test("gives containers within this process equal parts of its memory", async () => {
    const clock = meterOf([containerOf("a", undefined), containerOf("b", { cpuTime: () => 0 })]);
    const [pod] = await readAfter(clock, 0);
    const [a, b] = (pod?.containers ?? []).map(({ memory }) => memory);
    assert.equal(a, b);
    const rss = process.memoryUsage.rss();
    assert.ok(a !== undefined && a > 0 && a <= rss / 2 + mebibyte, `${a} of ${rss}`);
  });
});

suite("parseStat()", () => {
  test("reads group and times behind whatever name a program has", () => {
    const line = "12 (a) b) (c) S 1 7 7 0 -1 4194560 10 0 0 0 150 50 20 30 20 0 1 0 5 1 100";
    assert.deepEqual(parseStat(line), { group: 7, cpuTime: 2500 });
    assert.equal(parseStat(""), undefined);
  });
});

suite("what pods use", () => {
  let nodes: TestNodes | undefined;
  afterEach(() => nodes?.stop());

  test("is measured: processes by /proc, helloworld by the time that it takes to answer", async () => {
    nodes = await startTestNodes({
      images: new Map([["burner", { command: ["sh", "-c", "while :; do :; done"], env: {} }]]),
    });
    await nodes.create("burner", {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "app", image: "burner" }],
    });
    await nodes.create("hello", { containers: [{ name: "app", image: "examples-helloworld-v1" }] });
    await nodes.see("burner", (pod) => isReady(pod) && pod);
    const hello = await nodes.see("hello", (pod) => isReady(pod) && pod);
    const { runtime } = nodes;
    const found = await waitFor(
      async () => {
        await fetch(`http://${hello.status?.podIP}:5000/hello`);
        const usages = await runtime.usage();
        const of = (name: string) => usages.find(({ pod }) => pod.name === name)?.containers[0];
        const [burner, answering] = [of("burner"), of("hello")];
        return (burner?.cpu ?? 0) > 0.05 && (answering?.cpu ?? 0) > 0 ? { burner, answering } : undefined;
      },
      { signal: AbortSignal.timeout(30_000), every: 10 },
    );
    assert.ok((found.burner?.cpu ?? 0) <= 1.5, "one loop keeps one processor busy");
    assert.ok((found.burner?.memory ?? 0) > 0);
    assert.ok((found.answering?.cpu ?? 1) < 0.5);
  });
});
