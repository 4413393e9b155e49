import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { silentLogger, systemClock } from "../../base/index.ts";
import { createEventRecorder, kinds } from "../../kube/index.ts";
import { createFakeApi } from "../test-support/fake-api.ts";

const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "web", namespace: "sample", uid: "u1" } };

function recorder() {
  const { client } = createFakeApi();
  const signal = new AbortController().signal;
  const events = createEventRecorder({ client, clock: systemClock, log: silentLogger, signal });
  const stored = async () => {
    await events.idle();
    return (await client.list(kinds.events)).items.map((event) => ({
      message: String(event["message"]),
      count: Number(event["count"]),
      namespace: event.metadata.namespace,
    }));
  };
  return { events, stored };
}

suite("createEventRecorder()", () => {
  test("the same event again raises the count", async () => {
    const { events, stored } = recorder();
    const event = { type: "Warning", reason: "FailedCreate", message: "no" } as const;
    for (let i = 0; i < 3; i++) events.record("replicaset-controller", pod, event);
    await events.idle();
    events.record("replicaset-controller", pod, event);
    assert.deepEqual(await stored(), [{ message: "no", count: 4, namespace: "sample" }]);
  });

  test("many messages of one reason become one combined event", async () => {
    const { events, stored } = recorder();
    for (let i = 0; i < 20; i++)
      events.record("x", pod, { type: "Normal", reason: "Same", message: `message ${i}` });
    const all = await stored();
    assert.equal(all.length, 11);
    const combined = all.find(({ message }) => message.startsWith("(combined from similar events): "));
    assert.equal(combined?.count, 10);
  });

  test("one object gets 25 events at once and no more", async () => {
    const { events, stored } = recorder();
    for (let i = 0; i < 100; i++) events.record("x", pod, { type: "Normal", reason: `R${i}`, message: "m" });
    assert.equal((await stored()).length, 25);
  });

  test("events about objects without a namespace stand in default", async () => {
    const { events, stored } = recorder();
    const node = { apiVersion: "v1", kind: "Node", metadata: { name: "node-1", uid: "n1" } };
    events.record("x", node, { type: "Normal", reason: "Ready", message: "m" });
    assert.equal((await stored())[0]?.namespace, "default");
  });
});
