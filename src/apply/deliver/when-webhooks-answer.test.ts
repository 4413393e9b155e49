import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { ApiError } from "../../kube/index.ts";
import { whenWebhooksAnswer } from "./when-webhooks-answer.ts";

const away = new ApiError({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  code: 500,
  message:
    'Internal error occurred: failed calling webhook "validation.istio.io": failed to call webhook: Post "https://istiod.istio-system.svc:443/validate?timeout=10s": no endpoints available for service "istiod"',
});

/** Writes that fail with each of `reasons` in turn, and then succeed. */
function writes(...reasons: readonly unknown[]) {
  const left = [...reasons];
  const waits: (string | undefined)[] = [];
  let count = 0;
  const run = (patience: number, signal = new AbortController().signal) =>
    whenWebhooksAnswer(
      "fra",
      { signal, addressTimeout: patience, waiting: (_cluster, what) => waits.push(what) },
      async () => {
        count++;
        if (left.length > 0) throw left.shift();
      },
    );
  return { run, waits, count: () => count };
}

suite("whenWebhooksAnswer()", () => {
  test("tries again while a webhook is away, and says what it waits for and when that is over", async () => {
    const write = writes(away, away);
    await write.run(5000);
    assert.equal(write.count(), 3);
    assert.deepEqual(write.waits, ["webhook validation.istio.io", undefined]);
  });

  test("writes once when nothing is in the way, without a word", async () => {
    const write = writes();
    await write.run(5000);
    assert.deepEqual([write.count(), write.waits], [1, []]);
  });

  test("passes on what a webhook refuses, and other failures, at once", async () => {
    const denied = new ApiError({ ...away.status, code: 400, message: "denied the request: no" });
    for (const reason of [denied, new Error("connect ECONNREFUSED")]) {
      const write = writes(reason);
      await assert.rejects(write.run(5000), reason);
      assert.equal(write.count(), 1);
    }
  });

  test("gives up when its time is over, and when the mesh stops", async () => {
    await assert.rejects(writes(...Array(1000).fill(away)).run(-1), away);
    const stopped = AbortSignal.abort();
    await assert.rejects(writes(...Array(1000).fill(away)).run(60_000, stopped), away);
  });
});
