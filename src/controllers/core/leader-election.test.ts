import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "vitest";
import type { Stop } from "../../base/index.ts";
import { silentLogger, waitFor } from "../../base/index.ts";
import { createManualClock, type ManualClock } from "../../base/testing/manual-clock.ts";
import { kinds } from "../../kube/index.ts";
import { createFakeApi, type FakeApi, statusOf } from "../test-support/fake-api.ts";
import { runAsLeader } from "./leader-election.ts";

const place = { namespace: "kube-system", name: "it" };

suite("runAsLeader()", () => {
  let api: FakeApi;
  let clock: ManualClock;
  let working: string[];
  let stops: Stop[];

  beforeEach(() => {
    api = createFakeApi();
    clock = createManualClock(Date.parse("2026-01-01T00:00:00Z"));
    working = [];
    stops = [];
  });
  afterEach(async () => {
    for (const stop of stops) await stop();
  });
  const run = (identity: string): Stop => {
    const stopped = new AbortController();
    const stop = runAsLeader(
      { client: api.client, clock, log: silentLogger, signal: stopped.signal },
      { ...place, identity },
      () => {
        working.push(identity);
        return async () => {
          working = working.filter((one) => one !== identity);
        };
      },
    );
    const whole = async () => {
      stopped.abort();
      await stop();
    };
    stops.push(whole);
    return whole;
  };
  /** Time goes on, second by second, until it is so. */
  const until = (wanted: readonly string[]) =>
    waitFor(
      () => {
        if (working.join() === wanted.join()) return true;
        clock.move(1000);
        return undefined;
      },
      { signal: AbortSignal.timeout(30_000) },
    );
  const quiet = async () => {
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const holder = async () => {
    const lease = await api.client.get(kinds.leases, place.name, place.namespace);
    return (lease?.["spec"] as { readonly holderIdentity: string } | undefined)?.holderIdentity;
  };

  test("one of two works, and the other when that one stops", async () => {
    const stop = run("a");
    await until(["a"]);
    run("b");
    for (let second = 0; second < 60; second++) {
      clock.move(1000);
      await quiet();
    }
    assert.deepEqual(working, ["a"]);
    await stop();
    assert.equal(await holder(), "");
    await until(["b"]);
    assert.equal(await holder(), "b");
  });

  test("one that was killed keeps the lease until it ends; under its own identity it goes on at once", async () => {
    run("a");
    await until(["a"]);
    working = [];
    run("a");
    await quiet();
    assert.deepEqual(working, ["a"]);
  });

  test("a holder that can't renew stops what it does, before others may begin", async () => {
    run("a");
    await until(["a"]);
    api.refuse = () => statusOf(503, "ServiceUnavailable", "away");
    await until([]);
    api.refuse = () => undefined;
    await until(["a"]);
  });
});
