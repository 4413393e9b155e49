import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, suite, test } from "vitest";
import { systemClock } from "../../base/index.ts";
import { ExportTraceServiceRequestSchema } from "../../xds/gen/opentelemetry/proto/trace/v1/trace_pb.js";
import type { JaegerTrace } from "./jaeger-json.ts";
import { createTraces, type TracesOptions } from "./traces.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

interface Answer<T> {
  readonly data: readonly T[];
  readonly errors: unknown;
}

/** Traces behind a socket: POST reports, GET the API. */
async function startTraces(options: Partial<TracesOptions> = {}) {
  const traces = createTraces({ clock: systemClock, ...options });
  const server = createServer(async (request, response) => {
    const known = (await traces.collector(request, response)) || (await traces.jaegerApi(request, response));
    if (!known) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, {
      method: "POST",
      body: body as string,
      headers: { "content-type": "application/json", ...headers },
    });
  return {
    traces,
    post,
    report: async (...spans: readonly object[]) => {
      const answer = await post("/api/v2/spans", JSON.stringify(spans));
      assert.equal(answer.status, 202);
    },
    get: async <T = JaegerTrace>(path: string) => {
      const answer = await fetch(`${url}${path}`);
      return { status: answer.status, body: (await answer.json()) as Answer<T> };
    },
  };
}

const traceId = "463ac35c9f6413ad48485a3953bb6124";
const now = 1_763_740_800_000_000;

const gateway = {
  traceId,
  id: "a2fb4a1d1a96d312",
  name: "s0.fluidosmesh.svc.cluster.local:80/s0*",
  kind: "CLIENT",
  timestamp: now,
  duration: 5200,
  localEndpoint: { serviceName: "istio-ingressgateway.istio-ingress-provider1", ipv4: "127.17.0.6" },
  tags: { "http.status_code": "200", "istio.cluster_id": "consumer" },
};
const app = {
  ...gateway,
  id: "b7ad6b7169203331",
  parentId: gateway.id,
  kind: "SERVER",
  timestamp: now + 900,
  duration: 3100,
  localEndpoint: { serviceName: "s0.fluidosmesh", ipv4: "127.17.0.5", port: 8080 },
  tags: { "http.status_code": "503", error: "true" },
};

suite("spans reported to Zipkin's collector", () => {
  test("become a trace of Jaeger's API: found by a service's name, with parents, times, processes and tags", async () => {
    const { report, get } = await startTraces();
    await report(app);
    await report(gateway);
    const { body } = await get("/api/traces?service=s0.fluidosmesh");
    assert.equal(body.data.length, 1);
    const [trace] = body.data;
    assert.ok(trace);
    assert.equal(trace.traceID, traceId);
    assert.deepEqual(
      trace.spans.map(({ spanID, operationName, startTime, duration, references, processID }) => ({
        spanID,
        operationName,
        startTime,
        duration,
        references,
        service: trace.processes[processID]?.serviceName,
      })),
      [
        {
          spanID: gateway.id,
          operationName: gateway.name,
          startTime: now,
          duration: 5200,
          references: [],
          service: "istio-ingressgateway.istio-ingress-provider1",
        },
        {
          spanID: app.id,
          operationName: app.name,
          startTime: now + 900,
          duration: 3100,
          references: [{ refType: "CHILD_OF", traceID: traceId, spanID: gateway.id }],
          service: "s0.fluidosmesh",
        },
      ],
    );
    assert.deepEqual(trace.spans[1]?.tags, [
      { key: "span.kind", type: "string", value: "server" },
      { key: "http.status_code", type: "string", value: "503" },
      { key: "error", type: "string", value: "true" },
    ]);
    assert.deepEqual(trace.processes[trace.spans[1]?.processID ?? ""]?.tags, [
      { key: "ip", type: "string", value: "127.17.0.5" },
      { key: "port", type: "int64", value: 8080 },
    ]);
  });

  test("a span that client and server share gets two ids, and what it caused is below the server's", async () => {
    const { report, traces } = await startTraces();
    const shared = { ...gateway, id: "00000000000000aa" };
    await report(
      {
        ...shared,
        kind: "SERVER",
        timestamp: now + 10,
        duration: 80,
        shared: true,
        localEndpoint: { serviceName: "b" },
      },
      { ...shared, localEndpoint: { serviceName: "a" } },
      {
        ...shared,
        id: "00000000000000ab",
        parentId: shared.id,
        timestamp: now + 20,
        localEndpoint: { serviceName: "b" },
      },
    );
    const trace = traces.get(traceId);
    assert.deepEqual(
      trace?.spans.map(({ spanId, parentId, service, kind }) => [
        service,
        kind,
        spanId.slice(-2),
        parentId?.slice(-2),
      ]),
      [
        ["a", "client", "aa", undefined],
        ["b", "server", "ac", "aa"],
        ["b", "client", "ab", "ac"],
      ],
    );
  });

  test("ids of 64 bits are those of 128 bits with zeros before; what has no id or time is left out", async () => {
    const { report, get, traces } = await startTraces();
    await report(
      { ...gateway, traceId: "48485a3953bb6124" },
      { ...gateway, id: "xyz" },
      { ...gateway, timestamp: undefined },
      { ...gateway, traceId: "0".repeat(32) },
    );
    const { body } = await get("/api/traces/48485a3953bb6124");
    assert.equal(body.data[0]?.traceID, "000000000000000048485a3953bb6124");
    assert.deepEqual(
      { ...traces.counts, bytes: 0 },
      { accepted: 1, refused: 3, traces: 1, spans: 1, bytes: 0, dropped: 0 },
    );
  });

  test("what can't be read is refused with the reason, compressed reports are read", async () => {
    const { post, traces } = await startTraces();
    const body = JSON.stringify([gateway]);
    const cases = [
      ["{", {}, 400, /not JSON/],
      ["{}", {}, 400, /JSON list/],
      [body, { "content-type": "application/x-thrift" }, 415, /x-thrift/],
      [body, { "content-encoding": "br" }, 415, /gzip and deflate/],
      [body, { "content-encoding": "gzip" }, 400, /not gzip/],
      [gzipSync(Buffer.alloc(33 * 1024 * 1024)), { "content-encoding": "gzip" }, 413, /bytes at most/],
      [Buffer.alloc(9 * 1024 * 1024), {}, 413, /bytes at most/],
    ] as const;
    for (const [report, headers, status, reason] of cases) {
      const answer = await post("/api/v2/spans", report, headers);
      assert.deepEqual([answer.status, reason.test(await answer.text())], [status, true], String(reason));
    }
    const answer = await post("/api/v2/spans", gzipSync(body), { "content-encoding": "gzip" });
    assert.equal(answer.status, 202);
    assert.deepEqual(traces.services(), ["istio-ingressgateway.istio-ingress-provider1"]);
  });
});

suite("spans reported by OTLP", () => {
  const otlp = {
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: "service.name", value: { stringValue: "shop" } },
            { key: "host.name", value: { stringValue: "shop-1" } },
          ],
        },
        scopeSpans: [
          {
            scope: { name: "http", version: "1.0" },
            spans: [
              {
                traceId,
                spanId: "00f067aa0ba902b7",
                parentSpanId: gateway.id,
                name: "GET /cart",
                kind: 2,
                startTimeUnixNano: `${now}000`,
                endTimeUnixNano: `${now + 1500}000`,
                attributes: [
                  { key: "http.response.status_code", value: { intValue: "500" } },
                  { key: "cached", value: { boolValue: false } },
                  { key: "share", value: { doubleValue: 0.25 } },
                  {
                    key: "ids",
                    value: { arrayValue: { values: [{ intValue: "1" }, { stringValue: "b" }] } },
                  },
                ],
                events: [
                  {
                    timeUnixNano: `${now + 100}000`,
                    name: "exception",
                    attributes: [{ key: "exception.type", value: { stringValue: "Timeout" } }],
                  },
                ],
                links: [{ traceId: "0".repeat(31).concat("1"), spanId: gateway.id }],
                status: { code: 2, message: "no answer" },
                aFieldOfLater: 1,
              },
              { traceId: "", spanId: "", name: "nameless" },
            ],
          },
        ],
      },
    ],
  };

  const bytes = (id: string) => Buffer.from(id, "hex");
  const text = (key: string, value: string) => ({
    key,
    value: { value: { case: "stringValue" as const, value } },
  });
  const nanoseconds = (us: number) => BigInt(us) * 1000n;
  const asProtobuf = toBinary(
    ExportTraceServiceRequestSchema,
    create(ExportTraceServiceRequestSchema, {
      resourceSpans: [
        {
          resource: { attributes: [text("service.name", "shop"), text("host.name", "shop-1")] },
          scopeSpans: [
            {
              scope: { name: "http", version: "1.0" },
              spans: [
                {
                  traceId: bytes(traceId),
                  spanId: bytes("00f067aa0ba902b7"),
                  parentSpanId: bytes(gateway.id),
                  name: "GET /cart",
                  kind: 2,
                  startTimeUnixNano: nanoseconds(now),
                  endTimeUnixNano: nanoseconds(now + 1500),
                  attributes: [
                    { key: "http.response.status_code", value: { value: { case: "intValue", value: 500n } } },
                    { key: "cached", value: { value: { case: "boolValue", value: false } } },
                    { key: "share", value: { value: { case: "doubleValue", value: 0.25 } } },
                    {
                      key: "ids",
                      value: {
                        value: {
                          case: "arrayValue",
                          value: {
                            values: [
                              { value: { case: "intValue", value: 1n } },
                              { value: { case: "stringValue", value: "b" } },
                            ],
                          },
                        },
                      },
                    },
                  ],
                  events: [
                    {
                      timeUnixNano: nanoseconds(now + 100),
                      name: "exception",
                      attributes: [text("exception.type", "Timeout")],
                    },
                  ],
                  links: [{ traceId: bytes("0".repeat(31).concat("1")), spanId: bytes(gateway.id) }],
                  status: { code: 2, message: "no answer" },
                },
                { name: "nameless" },
              ],
            },
          ],
        },
      ],
    }),
  );

  const wanted = {
    traceID: traceId,
    spanID: "00f067aa0ba902b7",
    operationName: "GET /cart",
    references: [
      { refType: "CHILD_OF", traceID: traceId, spanID: gateway.id },
      { refType: "FOLLOWS_FROM", traceID: "0".repeat(31).concat("1"), spanID: gateway.id },
    ],
    startTime: now,
    duration: 1500,
    tags: [
      { key: "span.kind", type: "string", value: "server" },
      { key: "http.response.status_code", type: "int64", value: 500 },
      { key: "cached", type: "bool", value: false },
      { key: "share", type: "float64", value: 0.25 },
      { key: "ids", type: "string", value: '[1,"b"]' },
      { key: "otel.scope.name", type: "string", value: "http" },
      { key: "otel.scope.version", type: "string", value: "1.0" },
      { key: "otel.status_description", type: "string", value: "no answer" },
      { key: "error", type: "bool", value: true },
    ],
    logs: [
      {
        timestamp: now + 100,
        fields: [
          { key: "event", type: "string", value: "exception" },
          { key: "exception.type", type: "string", value: "Timeout" },
        ],
      },
    ],
    processID: "p1",
    warnings: null,
  };

  test("as JSON become spans with typed tags, events, links and errors; what was left out is told", async () => {
    const { post, get } = await startTraces();
    const answer = await post("/v1/traces", JSON.stringify(otlp));
    assert.deepEqual(await answer.json(), { partialSuccess: { rejectedSpans: "1" } });
    const { body } = await get(`/api/traces/${traceId}`);
    assert.deepEqual(body.data[0]?.spans, [wanted]);
    assert.deepEqual(body.data[0]?.processes, {
      p1: { serviceName: "shop", tags: [{ key: "host.name", type: "string", value: "shop-1" }] },
    });
  });

  test("as protobuf become the same", async () => {
    const { post, get } = await startTraces();
    const answer = await post("/v1/traces", asProtobuf, { "content-type": "application/x-protobuf" });
    assert.deepEqual([...new Uint8Array(await answer.arrayBuffer())], [0x0a, 2, 0x08, 1]);
    const { body } = await get(`/api/traces/${traceId}`);
    assert.deepEqual(body.data[0]?.spans, [wanted]);
  });

  test("that are neither are refused", async () => {
    const { post } = await startTraces();
    const asText = await post("/v1/traces", "nonsense");
    assert.deepEqual([asText.status, /in JSON/.test(await asText.text())], [400, true]);
    const asBytes = await post("/v1/traces", "nonsense", { "content-type": "application/x-protobuf" });
    assert.equal(asBytes.status, 400);
  });
});

suite("Jaeger's API", () => {
  const span = (n: number, over: object = {}) => ({
    ...gateway,
    traceId: String(n).padStart(32, "0"),
    timestamp: now + n * 1_000_000,
    ...over,
  });

  test("finds by service, operation, kind, tags, time and duration; the newest first, as many as are wanted", async () => {
    const { report, get } = await startTraces();
    const service = (serviceName: string) => ({ localEndpoint: { serviceName } });
    await report(
      span(1, { ...service("a"), duration: 1000 }),
      span(2, { ...service("a"), name: "other", kind: "SERVER", duration: 20_000 }),
      span(3, { ...service("a"), tags: { colour: "dark blue", "http.status_code": "503" } }),
      span(4, { ...service("b") }),
      span(5, { ...service("a"), tags: { error: "true" } }),
    );
    const found = async (query: string) => {
      const { status, body } = await get(`/api/traces?${query}`);
      assert.equal(status, 200, JSON.stringify(body));
      return body.data.map(({ traceID }) => Number(traceID));
    };
    const cases: readonly [query: string, traces: readonly number[]][] = [
      ["service=a", [5, 3, 2, 1]],
      ["service=a&limit=2", [5, 3]],
      ["service=a&operation=other", [2]],
      ["service=a&operation=all", [5, 3, 2, 1]],
      ["service=a&spanKind=SERVER", [2]],
      [`service=a&start=${now + 2_000_000}&end=${now + 3_000_000}`, [3, 2]],
      ["service=a&minDuration=10ms", [2]],
      ["service=a&maxDuration=1ms500us", [1]],
      ['service=a&tags={"http.status_code":"503"}', [3]],
      ['service=a&tags=colour="dark blue" http.status_code=503', [3]],
      ["service=a&tag=http.status_code:503", [3]],
      ["service=a&tag=ip:none", []],
      ["service=a&tags=error=true", [5]],
      ["service=nobody", []],
      ["traceID=4&traceID=99", [4]],
    ];
    for (const [query, traces] of cases) assert.deepEqual(await found(query), traces, query);
  });

  test("lists services, their operations, and who called whom", async () => {
    const { report, get } = await startTraces();
    await report(gateway, app, { ...app, id: "0000000000000009" });
    assert.deepEqual((await get("/api/services")).body, {
      data: ["istio-ingressgateway.istio-ingress-provider1", "s0.fluidosmesh"],
      total: 2,
      limit: 0,
      offset: 0,
      errors: null,
    });
    assert.deepEqual((await get("/api/services/s0.fluidosmesh/operations")).body.data, [app.name]);
    assert.deepEqual((await get("/api/operations?service=s0.fluidosmesh")).body.data, [
      { name: app.name, spanKind: "server" },
    ]);
    assert.deepEqual((await get(`/api/dependencies?endTs=${now / 1000 + 1000}&lookback=5000`)).body.data, [
      { parent: "istio-ingressgateway.istio-ingress-provider1", child: "s0.fluidosmesh", callCount: 2 },
    ]);
  });

  test("says what is wrong with a query", async () => {
    const { get } = await startTraces();
    const cases = [
      ["/api/traces", 400, "parameter 'service' is required"],
      ["/api/traces?service=a&start=soon", 400, '"start" must be a number, not "soon"'],
      [
        "/api/traces?service=a&minDuration=1d",
        400,
        '"minDuration" must be a duration such as 1.2s, 100ms or 500us, not "1d"',
      ],
      ["/api/traces?service=a&tags={", 400, '"tags" must be a JSON map of texts, not "{"'],
      ["/api/traces?service=a&tag=x", 400, '"tag" must be KEY:VALUE, not "x"'],
      ["/api/traces/abc", 404, "trace not found"],
      ["/api/traces/nonsense", 404, "trace not found"],
      ["/api/dependencies?endTs=1&lookback=x", 400, '"endTs" and "lookback" must be milliseconds'],
    ] as const;
    for (const [path, status, msg] of cases) {
      const answer = await get(path);
      assert.equal(answer.status, status, path);
      assert.deepEqual(answer.body.errors, [{ code: status, msg }], path);
    }
  });
});

suite("traces in memory", () => {
  test("are forgotten after the retention, and only so many spans of one are kept", async () => {
    let time = 1000;
    const clock = { now: () => time, after: () => () => {} };
    const { report, traces } = await startTraces({ clock, retention: 100 });
    await report(...Array.from({ length: 5010 }, (_, i) => ({ ...gateway, id: (i + 1).toString(16) })));
    assert.deepEqual([traces.counts.spans, traces.counts.dropped], [5000, 10]);
    time = 1099;
    await report({ ...gateway, traceId: "1" });
    assert.equal(traces.counts.traces, 2);
    time = 1100;
    assert.deepEqual([traces.get(traceId), traces.find({}).length], [undefined, 1]);
    assert.equal(traces.counts.spans, 1);
  });

  test("the oldest make room for new ones when memory is full", async () => {
    const { report, traces } = await startTraces();
    const large = { ...gateway, tags: { body: "x".repeat(1024 * 1024) } };
    for (let i = 1; i <= 70; i++) await report({ ...large, traceId: i.toString(16) });
    const { bytes, traces: kept } = traces.counts;
    assert.ok(bytes <= 64 * 1024 * 1024 && kept > 60 && kept < 64, `${kept} traces, ${bytes} bytes`);
    assert.equal(traces.get("1"), undefined);
    assert.ok(traces.get((70).toString(16)));
  });
});
