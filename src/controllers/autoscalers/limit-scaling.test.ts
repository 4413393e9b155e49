import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { ScalingRules } from "./autoscaler.ts";
import { limitScaling, noteChange, type ScalingHistory, startHistory } from "./limit-scaling.ts";

const usualUp: ScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ],
};
const usualDown: ScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
};

/** One look at a time, in seconds; replicas follow what is allowed. */
function run(
  behavior: { readonly scaleUp?: ScalingRules; readonly scaleDown?: ScalingRules } | undefined,
  looks: readonly (readonly [at: number, wanted: number])[],
  start = 1,
  { minReplicas = 1, maxReplicas = 100 } = {},
) {
  const history: ScalingHistory = startHistory(start, 0);
  let currentReplicas = start;
  return looks.map(([at, wanted]) => {
    const now = at * 1000;
    const request = { currentReplicas, wanted, minReplicas, maxReplicas, behavior, now };
    const limited = limitScaling(history, request);
    if (limited.replicas !== currentReplicas)
      noteChange(history, request, limited.replicas - currentReplicas);
    currentReplicas = limited.replicas;
    return [limited.replicas, limited.ability.reason, limited.limit.reason, limited.limit.isLimited] as const;
  });
}
const ready = "ReadyForNewScale";
const within = "DesiredWithinRange";

suite("limitScaling() without a behavior", () => {
  test("grows to four at once, and to twice as many each time", () => {
    assert.deepEqual(
      run(undefined, [
        [15, 50],
        [30, 50],
        [45, 50],
      ]),
      [
        [4, ready, "ScaleUpLimit", true],
        [8, ready, "ScaleUpLimit", true],
        [16, ready, "ScaleUpLimit", true],
      ],
    );
  });

  test("shrinks when no look of the last five minutes asked for more", () => {
    assert.deepEqual(
      run(
        undefined,
        [
          [15, 2],
          [200, 3],
          [400, 2],
          [501, 2],
        ],
        5,
      ),
      [
        [5, "ScaleDownStabilized", within, false],
        [5, "ScaleDownStabilized", within, false],
        [3, "ScaleDownStabilized", within, false],
        [2, ready, within, false],
      ],
    );
  });

  test("keeps to the bounds and says which", () => {
    const bounds = { minReplicas: 2, maxReplicas: 3 };
    assert.deepEqual(run(undefined, [[15, 9]], 2, bounds), [[3, ready, "TooManyReplicas", true]]);
    assert.deepEqual(run(undefined, [[400, 1]], 3, bounds), [[2, ready, "TooFewReplicas", true]]);
  });
});

suite("limitScaling() with a behavior", () => {
  test("lets the more generous policy decide, or the stricter one when asked", () => {
    assert.deepEqual(
      run({ scaleUp: usualUp, scaleDown: usualDown }, [
        [15, 50],
        [31, 50],
      ]).map(([n]) => n),
      [5, 10],
    );
    const strict = { ...usualUp, selectPolicy: "Min" };
    assert.deepEqual(
      run({ scaleUp: strict, scaleDown: usualDown }, [
        [15, 50],
        [31, 50],
      ]).map(([n]) => n),
      [2, 4],
    );
  });

  test("counts what was added in a policy's period", () => {
    const slow = { ...usualUp, policies: [{ type: "Pods", value: 2, periodSeconds: 60 }] };
    const looks = [
      [15, 9],
      [30, 9],
      [74, 9],
      [76, 9],
    ] as const;
    assert.deepEqual(
      run({ scaleUp: slow, scaleDown: usualDown }, looks).map(([n, , reason]) => [n, reason]),
      [
        [3, "ScaleUpLimit"],
        [3, "ScaleUpLimit"],
        [3, "ScaleUpLimit"],
        [5, "ScaleUpLimit"],
      ],
    );
  });

  test("takes away no more than its policy lets go", () => {
    const slow = { ...usualDown, policies: [{ type: "Pods", value: 1, periodSeconds: 30 }] };
    assert.deepEqual(
      run(
        { scaleUp: usualUp, scaleDown: slow },
        [
          [15, 1],
          [20, 1],
          [46, 1],
        ],
        5,
      ).map(([n, , reason]) => [n, reason]),
      [
        [4, "ScaleDownLimit"],
        [4, "ScaleDownLimit"],
        [3, "ScaleDownLimit"],
      ],
    );
    const tenth = { ...usualDown, policies: [{ type: "Percent", value: 10, periodSeconds: 15 }] };
    assert.deepEqual(
      run({ scaleUp: usualUp, scaleDown: tenth }, [[15, 1]], 100).map(([n]) => n),
      [90],
    );
  });

  test("changes nothing in a direction that is disabled", () => {
    const off = { ...usualDown, selectPolicy: "Disabled" };
    assert.deepEqual(run({ scaleUp: usualUp, scaleDown: off }, [[15, 1]], 5), [
      [5, ready, "ScaleDownLimit", true],
    ]);
  });

  test("waits for its window before it grows", () => {
    const patient = { ...usualUp, stabilizationWindowSeconds: 60 };
    assert.deepEqual(
      run(
        { scaleUp: patient, scaleDown: usualDown },
        [
          [15, 4],
          [45, 4],
          [80, 4],
        ],
        1,
      ),
      [
        [1, "ScaleUpStabilized", within, false],
        [1, "ScaleUpStabilized", within, false],
        [4, ready, within, false],
      ],
    );
  });

  test("waits five minutes before it shrinks unless a window is set", () => {
    const { stabilizationWindowSeconds: _, ...unset } = usualDown;
    assert.deepEqual(
      run(
        { scaleUp: usualUp, scaleDown: unset },
        [
          [15, 1],
          [299, 1],
          [301, 1],
        ],
        5,
      ).map(([n]) => n),
      [5, 5, 1],
    );
  });
});
