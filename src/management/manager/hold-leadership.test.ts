import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { silentLogger } from "../../base/index.ts";
import { createManualClock } from "../../base/testing/manual-clock.ts";
import { ApiError, type KubeClient, type KubeObject } from "../../kube/index.ts";
import { holdLeadership } from "./hold-leadership.ts";

/** One Lease behind the part of a client that is used; a write of an old version is refused. */
function leases() {
  let lease: KubeObject | undefined;
  let version = 0;
  let isAway = false;
  const conflict = () =>
    new ApiError({
      ...{ apiVersion: "v1", kind: "Status", metadata: {}, status: "Failure" },
      ...{ code: 409, reason: "Conflict", message: "conflict" },
    });
  const store = (object: KubeObject) => {
    version++;
    lease = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    return lease;
  };
  const answer = () => {
    if (isAway) throw new Error("no answer");
  };
  const client = {
    async get() {
      answer();
      return lease;
    },
    async create(_kind: unknown, object: KubeObject) {
      answer();
      if (lease !== undefined) throw conflict();
      return store(object);
    },
    async replace(_kind: unknown, object: KubeObject) {
      answer();
      if (object.metadata.resourceVersion !== lease?.metadata.resourceVersion) throw conflict();
      return store(object);
    },
    async patch(_kind: unknown, _name: string, patch: { spec: object }) {
      answer();
      return store({ ...(lease as KubeObject), spec: { ...(lease?.["spec"] as object), ...patch.spec } });
    },
  };
  return {
    client: client as unknown as KubeClient,
    setAway(away: boolean) {
      isAway = away;
    },
  };
}

suite("holdLeadership()", () => {
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  function manager(client: KubeClient, identity: string, clock: ReturnType<typeof createManualClock>) {
    const stopped = new AbortController();
    let leads = false;
    const ended = holdLeadership({
      ...{ client, namespace: "n", name: "manager", identity, clock, log: silentLogger },
      lead(signal) {
        leads = true;
        signal.addEventListener("abort", () => {
          leads = false;
        });
      },
      signal: stopped.signal,
    });
    return {
      leads: () => leads,
      stop() {
        stopped.abort();
        return ended;
      },
    };
  }
  const pass = async (clock: ReturnType<typeof createManualClock>, seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      clock.move(1000);
      for (let turn = 0; turn < 5; turn++) await settle();
    }
  };

  test("of two managers one leads; when it ends the other one follows at once", async () => {
    const clock = createManualClock(1_000_000);
    const { client } = leases();
    const first = manager(client, "a", clock);
    await pass(clock, 1);
    const second = manager(client, "b", clock);
    await pass(clock, 30);
    assert.deepEqual([first.leads(), second.leads()], [true, false]);
    await first.stop();
    await pass(clock, 3);
    assert.deepEqual([first.leads(), second.leads()], [false, true]);
  });

  test("one that can't renew its lease stops before another may take it", async () => {
    const clock = createManualClock(1_000_000);
    const { client, setAway } = leases();
    const only = manager(client, "a", clock);
    await pass(clock, 6);
    setAway(true);
    await pass(clock, 16);
    assert.equal(only.leads(), false);
    setAway(false);
    await pass(clock, 6);
    assert.equal(only.leads(), true);
  });
});
