import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { type Clock, silentLogger, systemClock, waitFor } from "../../base/index.ts";
import { fakeCluster } from "../logs/test-support/fake-cluster.ts";
import { createLive } from "./create-live.ts";

const line = (second: number, id: string, code: number, rest: string) => {
  const time = `2026-11-21T16:40:${String(second).padStart(2, "0")}.000Z`;
  return `${time} [${time}] "GET /${id} HTTP/1.1" ${code} - via_upstream - "-" 0 60 5 - "-" "-" "${id}" "cart.shop" ${rest}`;
};
const asked = (second: number, id: string, code = 200) =>
  line(
    second,
    id,
    code,
    '"10.0.0.2:80" outbound|80||cart.shop.svc.cluster.local - 10.96.0.1:80 10.0.0.1:1 - default',
  );
const got = (second: number, id: string) =>
  line(
    second,
    id,
    200,
    '"10.0.0.2:80" inbound|80|| - 10.0.0.2:80 10.0.0.1:2 outbound_.80_._.cart.shop.svc.cluster.local default',
  );

/** The real clock, with timers that a test lets run out. */
function handClock(): Clock & { runOut(): void } {
  const long = new Set<() => void>();
  return {
    now: () => Date.now(),
    after(delay, action) {
      if (delay < 30_000) return systemClock.after(delay, action);
      long.add(action);
      return () => long.delete(action);
    },
    runOut() {
      for (const action of [...long]) action();
    },
  };
}

suite("createLive()", () => {
  const until = <T>(probe: () => T | undefined) => waitFor(probe, { signal: AbortSignal.timeout(30_000) });

  test("gives requests of all clusters as they come, newest first, by what is wanted of them", async () => {
    const [east, west] = [fakeCluster("east"), fakeCluster("west")];
    east.add("page", asked(1, "one"));
    west.add("other", asked(2, "two", 503));
    const live = createLive({ clusters: [east, west], clock: systemClock, log: silentLogger });
    const ids = (...filter: Parameters<typeof live.requests>) =>
      live.requests(...filter).map(({ seen }) => seen.record.requestId);
    await until(() => (ids().length === 2 ? true : undefined));
    assert.deepEqual(ids(), ["two", "one"]);
    east.add("cart", got(1, "one"), asked(3, "three"));
    await until(() => (ids().length === 3 ? true : undefined));
    assert.deepEqual(ids(), ["three", "two", "one"]);
    const one = live.requests().at(-1);
    assert.deepEqual([one?.caller?.pod, one?.callees.map(({ pod }) => pod)], ["page", ["cart"]]);
    assert.match(one?.trail.at(3)?.text ?? "", /over mutual TLS from pod page\.shop/);
    assert.deepEqual(ids({ codes: ["5xx"] }), ["two"]);
    assert.deepEqual(ids({ clusters: ["west"] }), ["two"]);
    assert.deepEqual(ids({ service: "cart.shop", limit: 1 }), ["three"]);
    live.stop();
  });

  test("reads nothing before somebody asks, and nothing any more when nobody does", async () => {
    const east = fakeCluster("east");
    east.add("page", asked(1, "one"));
    const clock = handClock();
    const live = createLive({ clusters: [east], clock, log: silentLogger });
    assert.equal(east.opened, 0);
    await until(() => (live.requests().length === 1 ? true : undefined));
    clock.runOut();
    assert.equal(live.hasEntries, false);
    const { opened } = east;
    await until(() => (live.requests().length === 1 ? true : undefined));
    assert.equal(east.opened, opened + 1);
    live.stop();
  });

  test("says which cluster is away, and goes on with the others", async () => {
    const [east, west] = [fakeCluster("east"), fakeCluster("west")];
    east.add("page", asked(1, "one"));
    west.setAway(true);
    const live = createLive({ clusters: [east, west], clock: systemClock, log: silentLogger });
    await until(() => (live.requests().length === 1 && live.away.has("west") ? true : undefined));
    assert.deepEqual([...live.away], ["west"]);
    west.add("other", asked(2, "two"));
    west.setAway(false);
    await until(() => (live.requests().length === 2 && live.away.size === 0 ? true : undefined));
    live.stop();
  });
});
