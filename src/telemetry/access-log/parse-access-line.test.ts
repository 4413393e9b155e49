import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { isWantedAccess } from "./access-filter.ts";
import { type AccessRecord, destinationOf, sideOf } from "./access-record.ts";
import { parseAccessLine } from "./parse-access-line.ts";

const atCaller =
  '[2026-11-21T16:40:12.345Z] "GET /hello HTTP/1.1" 200 - via_upstream - "-" 0 60 7 6 "-" "curl/8.5 (a "test")" "e3affc23-3f77-9070" "helloworld.sample:5000" "127.17.255.2:15443" outbound|5000|v2|helloworld.sample.svc.cluster.local 127.16.0.5:40112 127.16.128.9:5000 127.16.0.5:39002 - default';
const atCallee =
  '[2026-11-21T16:40:12.347Z] "GET /hello HTTP/1.1" 503 UF,URX upstream_reset_before_response_started{connection_failure} - "delayed connect error: 111" 3 91 0 - "10.1.1.1,10.2.2.2" "-" "e3affc23-3f77-9070" "helloworld:5000" "127.17.0.9:5000" inbound|5000|| 127.0.0.6:42000 127.17.0.9:5000 127.16.0.5:40112 outbound_.5000_.v2_.helloworld.sample.svc.cluster.local default';
const between =
  '[2026-11-21T16:40:00.000Z] "- - -" 0 - - - "-" 4120 9321 15003 - "-" "-" "-" "-" "127.17.0.9:5000" outbound_.5000_.v2_.helloworld.sample.svc.cluster.local 127.17.0.3:5000 127.17.0.3:15443 127.16.0.5:40112 outbound_.5000_.v2_.helloworld.sample.svc.cluster.local -';

function parse(line: string): AccessRecord {
  const record = parseAccessLine(line);
  assert.ok(record, line);
  return record;
}

suite("parseAccessLine()", () => {
  test("reads Istio's text format: every field, with quotes in what the client wrote", () => {
    assert.deepEqual(parse(atCaller), {
      start: Date.parse("2026-11-21T16:40:12.345Z"),
      method: "GET",
      path: "/hello",
      protocol: "HTTP/1.1",
      status: 200,
      flags: [],
      details: "via_upstream",
      bytesReceived: 0,
      bytesSent: 60,
      duration: 7,
      upstreamTime: 6,
      userAgent: 'curl/8.5 (a "test")',
      requestId: "e3affc23-3f77-9070",
      authority: "helloworld.sample:5000",
      upstreamHost: "127.17.255.2:15443",
      upstreamCluster: "outbound|5000|v2|helloworld.sample.svc.cluster.local",
      upstreamLocalAddress: "127.16.0.5:40112",
      downstreamLocalAddress: "127.16.128.9:5000",
      downstreamRemoteAddress: "127.16.0.5:39002",
      routeName: "default",
    });
    const { status, flags, transportFailure, forwardedFor, serverName } = parse(atCallee);
    assert.deepEqual(
      { status, flags, transportFailure, forwardedFor, serverName },
      {
        status: 503,
        flags: ["UF", "URX"],
        transportFailure: "delayed connect error: 111",
        forwardedFor: "10.1.1.1,10.2.2.2",
        serverName: "outbound_.5000_.v2_.helloworld.sample.svc.cluster.local",
      },
    );
  });

  test("reads connections without HTTP, plain Envoy's format and JSON, whole or in part", () => {
    const tcp = parse(between);
    assert.deepEqual(
      [tcp.method, tcp.status, tcp.bytesReceived, tcp.bytesSent, tcp.duration],
      [undefined, 0, 4120, 9321, 15003],
    );
    const plain = parse(
      '[2026-11-21T16:40:12.345Z] "POST /a b HTTP/2" 404 NR 12 0 1 - "-" "grpc-node" "id" "shop" "-"\n'.trimEnd(),
    );
    assert.deepEqual(
      [plain.method, plain.path, plain.status, plain.flags, plain.upstreamHost],
      ["POST", "/a b", 404, ["NR"], undefined],
    );
    const json = parse(
      JSON.stringify({
        start_time: "2026-11-21T16:40:12.345Z",
        method: "GET",
        response_code: 200,
        response_flags: "-",
        upstream_cluster: "outbound|80||shop.default.svc.cluster.local",
        duration: 4,
        upstream_service_time: null,
        request_id: "-",
        mine: { nested: true },
      }),
    );
    assert.deepEqual(json, {
      start: Date.parse("2026-11-21T16:40:12.345Z"),
      method: "GET",
      status: 200,
      flags: [],
      bytesReceived: 0,
      bytesSent: 0,
      duration: 4,
      upstreamCluster: "outbound|80||shop.default.svc.cluster.local",
    });
  });

  test("takes nothing else for a request", () => {
    for (const line of [
      "",
      "2026-11-21T16:40:12Z info Envoy proxy is ready",
      "[2026-11-21 16:40] hello",
      '[yesterday] "GET / HTTP/1.1" 200 - 0 0 1 - "-" "-" "-" "-" "-"',
      "{",
      "{}",
      "null",
      '{"start_time": "2026-11-21T16:40:12.345Z", "message": "a log of an app"}',
      atCaller.replace("/hello", `/${"x".repeat(40_000)}`),
    ])
      assert.equal(parseAccessLine(line), undefined, line.slice(0, 80));
  });
});

suite("a record of the access log", () => {
  test("tells on which side its proxy stood, and which service was meant", () => {
    const table = [
      [atCaller, "client", { host: "helloworld.sample.svc.cluster.local", port: 5000, subset: "v2" }],
      [atCallee, "server", { host: "helloworld.sample.svc.cluster.local", port: 5000, subset: "v2" }],
      [between, "passthrough", { host: "helloworld.sample.svc.cluster.local", port: 5000, subset: "v2" }],
      [atCallee.replace(/outbound_\S+ default/, "- default"), "server", { host: "helloworld", port: 5000 }],
      [
        atCaller.replace(/outbound\|\S+/, "PassthroughCluster"),
        "client",
        { host: "helloworld.sample", port: 5000 },
      ],
      [atCaller.replace(/outbound\|\S+/, "-"), "client", { host: "helloworld.sample", port: 5000 }],
    ] as const;
    for (const [line, side, destination] of table) {
      const record = parse(line);
      assert.deepEqual([sideOf(record), destinationOf(record)], [side, destination], line);
    }
  });

  test("is wanted by service in any form of its name, by code or its class, by flag, method, path and side", () => {
    const wanted = (line: string, filter: Parameters<typeof isWantedAccess>[2], namespace = "sample") =>
      isWantedAccess(parse(line), namespace, filter);
    const plain = atCallee.replace(/outbound_\S+ default/, "- default");
    const table = [
      [wanted(atCaller, {}), true],
      [wanted(atCaller, { service: "helloworld" }), true],
      [wanted(atCaller, { service: "helloworld.sample" }), true],
      [wanted(atCaller, { service: "helloworld.sample.svc.cluster.local" }), true],
      [wanted(atCaller, { service: "hello" }), false],
      [wanted(atCaller, { service: "helloworld.other" }), false],
      [wanted(plain, { service: "helloworld.sample" }), true],
      [wanted(plain, { service: "helloworld.sample" }, "other"), false],
      [wanted(atCallee, { codes: ["5xx"] }), true],
      [wanted(atCallee, { codes: ["404", "503"] }), true],
      [wanted(atCaller, { codes: ["5xx"] }), false],
      [wanted(atCallee, { flags: ["URX"] }), true],
      [wanted(atCaller, { flags: ["URX"] }), false],
      [wanted(atCaller, { method: "get", path: "/he", side: "client" }), true],
      [wanted(atCaller, { path: "/x" }), false],
      [wanted(atCaller, { side: "server" }), false],
    ] as const;
    for (const [index, [found, expected]] of table.entries()) assert.equal(found, expected, String(index));
  });
});
