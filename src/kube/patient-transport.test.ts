import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { type Clock, IsthmusError, systemClock } from "../base/index.ts";
import { createPatientTransport } from "./patient-transport.ts";
import type { ApiRequest, ApiResponse } from "./transport.ts";

const waits: number[] = [];
const clock: Clock = {
  now: () => systemClock.now(),
  after(delay, action) {
    waits.push(delay);
    const timer = setImmediate(action);
    return () => clearImmediate(timer);
  },
};
const status = (code: number, more: object = {}): ApiResponse => ({ status: code, headers: {}, body: more });
const away = (code: string) =>
  new IsthmusError("cluster/unreachable", code, { cause: Object.assign(new Error(code), { code }) });
const apply = { "content-type": "application/apply-patch+yaml" };
const owned = { details: { causes: [{ reason: "FieldManagerConflict" }] } };

/** How often a request is sent to a server that answers with `answers` in turn, and what comes of it. */
async function send(
  request: Partial<ApiRequest>,
  answers: readonly (ApiResponse | Error)[],
): Promise<{ readonly times: number; readonly result: number | string }> {
  let times = 0;
  const transport = createPatientTransport(
    {
      async send() {
        const answer = answers[Math.min(times++, answers.length - 1)];
        if (answer === undefined || answer instanceof Error) throw answer;
        return answer;
      },
    },
    { clock, signal: new AbortController().signal },
  );
  const whole = { method: "GET", path: "/", query: new URLSearchParams(), headers: {}, ...request } as const;
  try {
    const { status: result } = await transport.send(whole);
    return { times, result };
  } catch (reason) {
    return { times, result: (reason as Error).message };
  }
}

suite("createPatientTransport()", () => {
  test.each<[string, Partial<ApiRequest>, readonly (ApiResponse | Error)[], number, number | string]>([
    ["a read until it is answered", {}, [status(500), status(503), status(200)], 3, 200],
    ["a read four times at most", {}, [status(503)], 4, 503],
    ["a deletion", { method: "DELETE" }, [status(429), status(200)], 2, 200],
    [
      "an apply whose connection broke",
      { method: "PATCH", headers: apply },
      [away("ECONNRESET"), status(200)],
      2,
      200,
    ],
    [
      "an apply that met another write",
      { method: "PATCH", headers: apply },
      [status(409), status(200)],
      2,
      200,
    ],
    ["not an apply of fields of others", { method: "PATCH", headers: apply }, [status(409, owned)], 1, 409],
    ["not a creation", { method: "POST" }, [status(503), status(201)], 1, 503],
    ["not a replacement", { method: "PUT" }, [away("ECONNRESET")], 1, "ECONNRESET"],
    ["not a patch that counts", { method: "PATCH" }, [status(503)], 1, 503],
    ["not what the server refuses", {}, [status(403)], 1, 403],
    ["not where nothing listens", {}, [away("ECONNREFUSED")], 1, "ECONNREFUSED"],
    ["not a webhook's absence", {}, [status(500, { message: 'failed calling webhook "a"' })], 1, 500],
    ["not a watch", { query: new URLSearchParams({ watch: "true" }) }, [status(503)], 1, 503],
  ])("sends again %s", async (_what, request, answers, times, result) => {
    const sent = await send(request, answers);
    assert.deepEqual([sent.times, sent.result], [times, result]);
  });

  test("waits as long as the server asks for, ten seconds at most", async () => {
    waits.length = 0;
    const busy = (after: string): ApiResponse => ({ status: 429, headers: { "retry-after": after } });
    await send({}, [busy("2"), busy("99"), status(200)]);
    assert.deepEqual(waits, [2000, 10_000]);
  });

  test("gives up a request that is not answered in time, with what it was", async () => {
    const transport = createPatientTransport(
      {
        send: (_request, signal) =>
          new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason))),
      },
      { clock, signal: new AbortController().signal, timeout: 5, attempts: 2 },
    );
    const request = {
      method: "GET",
      path: "/api/v1/pods",
      query: new URLSearchParams(),
      headers: {},
    } as const;
    await assert.rejects(transport.send(request), {
      code: "cluster/unreachable",
      message: "GET /api/v1/pods got no answer within 0 s",
    });
  });
});
