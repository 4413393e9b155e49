import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Pod } from "../../kube/index.ts";
import type { PodSample } from "./pod-metrics.ts";
import { proposeReplicas, type Target } from "./propose-replicas.ts";

const now = Date.parse("2025-01-01T01:00:00Z");
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

interface Given {
  /** Thousandths used; undefined: not measured. */
  readonly uses: number | undefined;
  readonly phase?: "Pending" | "Running" | "Failed";
  readonly ready?: boolean;
  /** Seconds since it started, and since it became ready or not. */
  readonly age?: number;
  readonly since?: number;
  readonly isGoing?: boolean;
}

function propose(given: readonly Given[], target: "average" | number, isCpu = true) {
  const pods = given.map(
    ({ phase = "Running", ready = true, age = 3600, since = age, isGoing = false }, i): Pod => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `p${i}`, ...(isGoing ? { deletionTimestamp: ago(0) } : {}) },
      spec: { containers: [] },
      status: {
        phase,
        startTime: ago(age),
        conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: ago(since) }],
      },
    }),
  );
  const samples = new Map<string, PodSample>(
    given.flatMap(({ uses }, i) =>
      uses === undefined ? [] : [[`p${i}`, { value: uses, timestamp: now, window: 15_000 }] as const],
    ),
  );
  const requests = new Map(pods.map(({ metadata }) => [metadata.name, 1000]));
  const wanted: Target =
    target === "average"
      ? { kind: "average", millis: 500 }
      : { kind: "utilization", percent: target, requests };
  return proposeReplicas({
    pods,
    samples,
    isCpu,
    target: wanted,
    currentReplicas: given.length,
    tolerances: { up: 0.1, down: 0.1 },
    now,
  });
}

suite("proposeReplicas()", () => {
  const cases: readonly (readonly [
    title: string,
    given: readonly Given[],
    target: "average" | number,
    replicas: number,
  ])[] = [
    ["doubles when the use is twice the target", [{ uses: 1000 }, { uses: 1000 }], 50, 4],
    ["rounds up", [{ uses: 600 }, { uses: 600 }], 50, 3],
    ["stays within a tenth above", [{ uses: 550 }, { uses: 550 }], 50, 2],
    ["stays within a tenth below", [{ uses: 450 }, { uses: 450 }], 50, 2],
    ["shrinks when little is used", [{ uses: 100 }, { uses: 100 }, { uses: 100 }, { uses: 100 }], 50, 1],
    ["follows an average value", [{ uses: 1000 }, { uses: 1500 }], "average", 5],
    [
      "counts a pod without a measurement as idle when it would grow",
      [{ uses: 1000 }, { uses: undefined }],
      50,
      2,
    ],
    ["counts it as busy when it would shrink", [{ uses: 100 }, { uses: undefined }], 50, 2],
    [
      "counts a pending pod as idle when it would grow",
      [{ uses: 2000 }, { uses: undefined, phase: "Pending" }],
      50,
      4,
    ],
    [
      "leaves a pending pod out when it would shrink",
      [{ uses: 100 }, { uses: undefined, phase: "Pending" }],
      50,
      1,
    ],
    ["leaves out what a pod uses to start", [{ uses: 500 }, { uses: 4000, age: 20, since: 5 }], 50, 2],
    [
      "counts a young pod after a whole window of readiness",
      [{ uses: 500 }, { uses: 4000, age: 60, since: 40 }],
      50,
      9,
    ],
    [
      "leaves out a young pod that is not ready",
      [{ uses: 500 }, { uses: 4000, age: 60, since: 40, ready: false }],
      50,
      2,
    ],
    [
      "leaves out an old pod that never was ready",
      [{ uses: 500 }, { uses: 4000, age: 900, since: 895, ready: false }],
      50,
      2,
    ],
    [
      "counts an old pod that is no longer ready",
      [{ uses: 500 }, { uses: 2000, age: 900, since: 60, ready: false }],
      50,
      5,
    ],
    [
      "leaves out pods that go or have failed",
      [{ uses: 1000 }, { uses: 0, isGoing: true }, { uses: 0, phase: "Failed" }],
      30,
      4,
    ],
  ];
  for (const [title, given, target, replicas] of cases)
    test(`${title}: ${replicas}`, () => assert.equal(propose(given, target).replicas, replicas));

  test("counts memory from the first moment on", () => {
    assert.equal(propose([{ uses: 500 }, { uses: 1500, age: 20, since: 5 }], 50, false).replicas, 4);
  });

  test("says what is used, in percent of the requests and a pod", () => {
    const { utilization, average } = propose([{ uses: 333 }, { uses: 334 }], 50);
    assert.deepEqual([utilization, average], [33, 333]);
  });

  const failures: readonly (readonly [given: readonly Given[], says: string])[] = [
    [[], "no pods returned by selector while calculating replica count"],
    [[{ uses: undefined }], "did not receive metrics for targeted pods (pods might be unready)"],
    [[{ uses: 5, phase: "Pending" }], "did not receive metrics for targeted pods (pods might be unready)"],
  ];
  for (const [given, says] of failures)
    test(`fails with ${given.length} pods: ${says}`, () =>
      assert.throws(() => propose(given, 50), new Error(says)));
});
