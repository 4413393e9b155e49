import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createManualClock } from "../../base/testing/manual-clock.ts";
import { kinds } from "../../kube/index.ts";
import { startTestCluster } from "../test-support/test-cluster.ts";
import { startEventExpiry } from "./start-event-expiry.ts";

suite("event expiry", () => {
  test("an event goes an hour after it happened last, not after it was made", async () => {
    const clock = createManualClock(Date.parse("2026-01-01T12:00:00Z"));
    const cluster = startTestCluster([startEventExpiry], clock);
    const create = (name: string, lastTimestamp: string) =>
      cluster.api.client.create(kinds.events, {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name, namespace: "sample" },
        lastTimestamp,
      });
    await create("old", "2026-01-01T11:00:00Z");
    await create("recent", "2026-01-01T11:50:00Z");
    clock.move(301_000);
    await cluster.eventually(async () =>
      (await cluster.list(kinds.events)).length === 1 ? true : undefined,
    );
    assert.deepEqual(
      (await cluster.list(kinds.events)).map(({ metadata }) => metadata.name),
      ["recent"],
    );
    await cluster.stop();
  });
});
