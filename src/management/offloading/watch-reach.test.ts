import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import { createManualClock } from "../../base/testing/manual-clock.ts";
import { createKubeClient } from "../../kube/index.ts";
import { watchReach } from "./watch-reach.ts";

suite("watchReach()", () => {
  test("a cluster is away after seconds without an answer, not at once, and back with the first", async () => {
    const clock = createManualClock(1_000_000);
    const stopped = new AbortController();
    let asked = 0;
    let answer: "yes" | "no" | "503" = "yes";
    const client = createKubeClient({
      async send() {
        asked++;
        if (answer === "no") throw new Error("refused");
        return { status: answer === "yes" ? 200 : 503, headers: {}, body: {} };
      },
    });
    const reach = watchReach(client, clock, stopped.signal);
    const states: string[] = [];
    reach.changes.subscribe(() => states.push(reach.isReachable ? "reachable" : "away"), stopped.signal);
    assert.deepEqual([reach.isReachable, reach.isAway], [false, false], "nobody knows yet");
    /** Lets a second pass, and waits for the question that it brings. */
    const second = async () => {
      const before = asked;
      await waitFor(
        () => {
          if (asked > before) return true;
          clock.move(1000);
          return undefined;
        },
        { signal: AbortSignal.timeout(30_000) },
      );
    };
    await second();
    assert.deepEqual(states, ["reachable"]);
    answer = "no";
    for (let i = 0; i < 3; i++) await second();
    assert.deepEqual(states, ["reachable"], "three seconds are nothing");
    answer = "503";
    for (let i = 0; i < 4; i++) await second();
    assert.deepEqual(states, ["reachable", "away"]);
    answer = "yes";
    for (let i = 0; i < 2; i++) await second();
    assert.deepEqual(states, ["reachable", "away", "reachable"]);
    stopped.abort();
  });
});
