import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import type { Host } from "../cluster/host.ts";
import type { Waiter } from "../cluster/http-pool.ts";
import type { RequestHead, ResponseSink } from "../http/codec.ts";
import type { Collector, Span } from "./span.ts";
import { createSpanSink } from "./span-sink.ts";

const collector: Collector = {
  key: "zipkin",
  format: "zipkin json",
  cluster: "collector",
  authority: "zipkin.sample",
  path: "/api/v2/spans",
  headers: ["x-team", "shop"],
  timeout: 1000,
  serviceName: undefined,
};
const span = (name: string): Span => ({
  context: {
    traceId: "a3ce929d0e0e4736",
    spanId: "00f067aa0ba902b7",
    parentId: undefined,
    isSampled: true,
    state: undefined,
  },
  name,
  kind: "server",
  startTime: 0,
  duration: 1,
  tags: [],
  isError: false,
});

/** A collector that takes requests and answers when it is told to, with timers that go off when they are told to. */
function createCollector() {
  const requests: { readonly head: RequestHead; readonly names: readonly string[]; answer(): void }[] = [];
  const timers = new Set<{ readonly delay: number; readonly action: () => void }>();
  const host = { active: 0, stats: { rqTotal: 0, rqSuccess: 0, rqError: 0 } } as unknown as Host;
  const cluster = {
    config: { protocol: "http1", errorStatuses: new Set() },
    circuit: { requests: 0 },
    stats: {},
    outlier: { answered() {}, failedLocally() {} },
    pick: () => host,
    pool: () => ({
      acquire(waiter: Waiter) {
        waiter.ready({
          start(head: RequestHead, _end: boolean, sink: ResponseSink) {
            return {
              data(chunk: Buffer) {
                const names = (JSON.parse(chunk.toString()) as { readonly name: string }[]).map(
                  ({ name }) => name,
                );
                const answer = () => sink.head({ status: 202, headers: [], contentLength: 0 }, true);
                requests.push({ head, names, answer });
                return true;
              },
              flush() {},
              reset: () => sink.reset("local reset", ""),
            };
          },
        } as unknown as Parameters<Waiter["ready"]>[0]);
        return undefined;
      },
    }),
  } as unknown as Cluster;
  const sink = createSpanSink({
    nodeId: "node",
    service: "web.sample",
    address: "10.1.0.1",
    cluster: (name) => (name === "collector" ? cluster : undefined),
    after(delay, action) {
      const timer = { delay, action };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  });
  return {
    sink,
    requests,
    timers,
    names: () => requests.map(({ names }) => names.join("")),
    goOff(delay: number) {
      for (const timer of [...timers]) {
        if (timer.delay !== delay) continue;
        timers.delete(timer);
        timer.action();
      }
    },
  };
}

suite("createSpanSink()", () => {
  test("five spans go together to the collector's path, host and headers", () => {
    const { sink, requests, names } = createCollector();
    for (const name of ["a", "b", "c", "d"]) sink.report(collector, span(name));
    assert.deepEqual(names(), []);
    sink.report(collector, span("e"));
    assert.deepEqual(names(), ["abcde"]);
    const { method, path, authority, headers } = requests[0]?.head ?? assert.fail();
    assert.deepEqual([method, path, authority], ["POST", "/api/v2/spans", "zipkin.sample"]);
    assert.deepEqual(headers, ["content-type", "application/json", "x-team", "shop"]);
  });

  test("fewer go after five seconds", () => {
    const { sink, names, goOff } = createCollector();
    sink.report(collector, span("a"));
    goOff(5000);
    assert.deepEqual(names(), ["a"]);
  });

  test("a collector that does not answer gets two requests at a time, and the others together when its time is over", () => {
    const { sink, requests, names, goOff } = createCollector();
    for (const name of "abcdefghijklmnop") sink.report(collector, span(name));
    assert.deepEqual(names(), ["abcde", "fghij"]);
    requests[0]?.answer();
    assert.deepEqual(names(), ["abcde", "fghij", "klmnop"]);
    sink.report(collector, span("q"));
    goOff(1000);
    goOff(5000);
    assert.equal(names().at(-1), "q");
  });

  test("a thousand spans wait for a slow collector and no more", () => {
    const { sink, requests } = createCollector();
    for (let i = 0; i < 1500; i++) sink.report(collector, span("s"));
    requests[0]?.answer();
    assert.equal(requests[2]?.names.length, 1000);
  });

  test("spans for a cluster that is not there are dropped", () => {
    const { sink, requests, timers } = createCollector();
    for (let i = 0; i < 20; i++) sink.report({ ...collector, key: "other", cluster: "gone" }, span("s"));
    assert.equal(requests.length, 0);
    assert.equal(timers.size, 0);
  });

  test("nothing is sent and no timer left once it is closed", () => {
    const { sink, requests, timers, goOff } = createCollector();
    sink.report(collector, span("a"));
    sink.close();
    sink.report(collector, span("b"));
    goOff(5000);
    assert.deepEqual([requests.length, timers.size], [0, 0]);
  });
});
