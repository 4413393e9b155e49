import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import type { AccessEntry, LiveFilter, LiveRequest } from "../../telemetry/index.ts";
import { createTraces } from "../../telemetry/index.ts";
import type { LivePage, TracePage, TracesPage } from "../api.ts";
import { createReader } from "../reader.ts";
import { readPage } from "../router.ts";
import { madeUpSource } from "../test-support/made-up-source.ts";

function entry(cluster: string, pod: string, status: number): AccessEntry {
  const record = {
    start: 1000,
    method: "GET",
    path: "/cart",
    status,
    flags: [],
    bytesReceived: 0,
    bytesSent: 9,
    duration: 4,
  };
  return { cluster, namespace: "shop", pod, record };
}

function request(id: string, status: number, isProblem = false): LiveRequest {
  const caller = entry("east", "page-1", status);
  return {
    id,
    start: 1000,
    seen: caller,
    caller,
    callees: [entry("west", "cart-1", status)],
    host: "cart.shop.svc.cluster.local",
    port: 80,
    trail: [{ cluster: "east", by: "page-1.shop", text: "asks", isProblem }],
  };
}

suite("the console's live requests", () => {
  const read = async (live: readonly LiveRequest[] | undefined, query = "") => {
    const asked: LiveFilter[] = [];
    const source = madeUpSource(live === undefined ? {} : { live });
    const reader = createReader(
      {
        ...source,
        live: async () => {
          const given = await source.live();
          return {
            ...given,
            requests(filter = {}) {
              asked.push(filter);
              return given.requests(filter);
            },
          };
        },
      },
      systemClock,
    );
    return { page: (await readPage(reader, `/api/live${query}`)) as LivePage, asked };
  };

  test("say who asked whom for what, how it ended and what was decided", async () => {
    const { page } = await read([request("1", 200), request("2", 503), request("3", 403, true)]);
    assert.equal(page.hasEntries, true);
    assert.deepEqual(page.requests[0], {
      id: "1",
      start: 1000,
      from: { cluster: "east", namespace: "shop", pod: "page-1" },
      to: { cluster: "west", namespace: "shop", pod: "cart-1" },
      host: "cart.shop.svc.cluster.local",
      port: 80,
      method: "GET",
      path: "/cart",
      status: 200,
      flags: [],
      durationMs: 4,
      hasFailed: false,
      trail: [{ cluster: "east", by: "page-1.shop", text: "asks", isProblem: false }],
    });
    assert.deepEqual(
      page.requests.map(({ hasFailed }) => hasFailed),
      [false, true, true],
    );
  });

  test("are narrowed by what the address says", async () => {
    const { asked } = await read([], "?service=cart.shop&code=4xx,503&cluster=west&path=/cart");
    assert.deepEqual(asked, [
      { service: "cart.shop", codes: ["4xx", "503"], clusters: ["west"], path: "/cart", limit: 80 },
    ]);
  });

  test("say so where no proxy tells of any", async () => {
    const { page } = await read(undefined);
    assert.deepEqual(page, { requests: [], away: [], hasEntries: false });
  });
});

suite("the console's traces", () => {
  const microseconds = Date.now() * 1000;
  const span = (id: string, fields: object) => ({
    traceId: "a",
    id,
    name: "cart.shop:80/*",
    timestamp: microseconds,
    duration: 4000,
    localEndpoint: { serviceName: "page.shop" },
    tags: { "istio.cluster_id": "east" },
    ...fields,
  });

  async function readerOf(...spans: readonly object[]) {
    const traces = createTraces({ clock: systemClock });
    const body = JSON.stringify(spans);
    const request = {
      method: "POST",
      url: "/api/v2/spans",
      headers: {},
      async *[Symbol.asyncIterator]() {
        yield Buffer.from(body);
      },
    };
    const response = { writeHead: () => ({ end() {} }) };
    await traces.collector(request as never, response as never);
    return createReader(madeUpSource({ traces }), systemClock);
  }

  const child = span("2", {
    parentId: "1",
    timestamp: microseconds + 1000,
    duration: 2000,
    kind: "SERVER",
    localEndpoint: { serviceName: "cart.shop" },
    tags: { "istio.cluster_id": "west", error: "true" },
    annotations: [{ timestamp: microseconds + 1500, value: "retry" }],
  });

  test("are listed with their services and errors, and found by them", async () => {
    const reader = await readerOf(
      span("1", {}),
      child,
      span("3", { traceId: "b", timestamp: microseconds - 5_000_000 }),
    );
    const list = async (query = "") => (await readPage(reader, `/api/traces${query}`)) as TracesPage;
    const { traces, services } = await list();
    assert.deepEqual(services, ["cart.shop", "page.shop"]);
    assert.deepEqual(traces[0], {
      id: "a".padStart(32, "0"),
      service: "page.shop",
      name: "cart.shop:80/*",
      start: microseconds / 1000,
      durationMs: 4,
      services: [
        { name: "page.shop", spans: 1 },
        { name: "cart.shop", spans: 1 },
      ],
      spanCount: 2,
      errors: 1,
    });
    for (const [query, ids] of [
      ["", ["a", "b"]],
      ["?errors=1", ["a"]],
      ["?service=cart.shop", ["a"]],
      ["?atLeast=3", ["a", "b"]],
      ["?atLeast=5", []],
    ] as const)
      assert.deepEqual(
        (await list(query)).traces.map(({ id }) => id.replace(/^0+/, "")),
        ids,
        query,
      );
  });

  test("are shown span by span, each below the one that caused it", async () => {
    const reader = await readerOf(child, span("1", {}));
    const { spans } = (await readPage(reader, "/api/traces/a")) as TracePage;
    assert.deepEqual(
      spans.map(({ service, cluster, depth, startMs, durationMs, isError, events }) => [
        service,
        cluster,
        depth,
        startMs,
        durationMs,
        isError,
        events,
      ]),
      [
        ["page.shop", "east", 0, 0, 4, false, []],
        ["cart.shop", "west", 1, 1, 2, true, [{ atMs: 1.5, text: "event=retry" }]],
      ],
    );
    await assert.rejects(readPage(reader, "/api/traces/ff"), { code: "console/no-such-page" });
  });
});
