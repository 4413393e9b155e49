import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import { ExportTraceServiceRequestSchema } from "../../xds/gen/opentelemetry/proto/trace/v1/trace_pb.js";
import type { GoldenProxy } from "../testing/golden.ts";
import { exchange } from "../testing/http.ts";
import { createTestMesh, service, type TestMesh } from "../testing/mesh.ts";

const zipkin = {
  name: "envoy.tracers.zipkin",
  typedConfig: {
    "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
    collectorService: {
      httpUri: { uri: "http://zipkin.sample/api/v2/spans", cluster: "collector", timeout: "5s" },
    },
    traceId128bit: true,
    sharedSpanContext: false,
    collectorEndpointVersion: "HTTP_JSON",
  },
};
const openTelemetry = {
  name: "envoy.tracers.opentelemetry",
  typedConfig: {
    "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
    httpService: { httpUri: { uri: "otel.sample/v1/traces", cluster: "collector", timeout: "5s" } },
    serviceName: "sleep.sample",
  },
};
const collector = { address: "10.1.0.77", port: 9411 };

/** Every connection manager of the proxy traces to the collector. */
function traceTo(provider: JsonObject, tracing: JsonObject = {}) {
  return (golden: GoldenProxy) => {
    golden.cluster.push({
      name: "collector",
      type: "STATIC",
      loadAssignment: {
        clusterName: "collector",
        endpoints: [
          {
            lbEndpoints: [
              {
                endpoint: {
                  address: { socketAddress: { address: collector.address, portValue: collector.port } },
                },
              },
            ],
          },
        ],
      },
    });
    setTracing(golden.listener, { provider, randomSampling: { value: 100 }, ...tracing });
  };
}

function setTracing(value: JsonValue, tracing: JsonObject): void {
  if (typeof value !== "object" || value === null) return;
  const message = value as JsonObject;
  if (Array.isArray(message["httpFilters"])) message["tracing"] = tracing;
  for (const child of Object.values(message)) setTracing(child, tracing);
}

suite("traces through a sidecar", () => {
  let mesh: TestMesh;
  let seen: IncomingHttpHeaders[];
  let posted: { readonly path: string; readonly host: string; readonly body: Buffer }[];
  beforeEach(async () => {
    mesh = createTestMesh();
    seen = [];
    posted = [];
    await mesh.helloworld((request, response) => {
      seen.push(request.headers);
      response.statusCode = request.url === "/fail" ? 500 : 200;
      response.end();
    });
    await mesh.app(collector.address, collector.port, (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        posted.push({
          path: request.url ?? "",
          host: request.headers.host ?? "",
          body: Buffer.concat(chunks),
        });
        response.statusCode = 202;
        response.end();
      });
    });
  });
  afterEach(() => mesh.stop());

  /** Five requests, so many as go to a collector together. */
  async function ask(change: (golden: GoldenProxy) => void, headers = "", path = "/hello") {
    const client = await (await mesh.sleep(change)).connect(service);
    for (let i = 0; i < 5; i++)
      await exchange(client, `GET ${path} HTTP/1.1\r\nHost: helloworld.sample:5000\r\n${headers}\r\n`);
  }
  const delivery = () => waitFor(() => posted[0], { signal: AbortSignal.timeout(30_000) });

  test("each request begins one, and Zipkin gets its spans", async () => {
    await ask(traceTo(zipkin, { customTags: [{ tag: "shop", literal: { value: "books" } }] }), "", "/fail");
    const { path, host, body } = await delivery();
    assert.deepEqual([path, host], ["/api/v2/spans", "zipkin.sample"]);
    const spans = JSON.parse(body.toString()) as {
      traceId: string;
      id: string;
      kind: string;
      tags: Record<string, string>;
    }[];
    assert.deepEqual(
      spans.map(({ traceId, id }) => [traceId, id]),
      seen.map((headers) => [headers["x-b3-traceid"], headers["x-b3-spanid"]]),
    );
    assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 5);
    const { kind, tags } = spans[0] ?? assert.fail();
    assert.equal(kind, "CLIENT");
    assert.deepEqual(
      [tags["http.status_code"], tags["error"], tags["shop"], tags["http.url"]],
      ["500", "true", "books", "http://helloworld.sample:5000/fail"],
    );
  });

  test("one that is not sampled is passed on as such, and no span is reported", async () => {
    await ask(
      traceTo(zipkin),
      "x-b3-traceid: a3ce929d0e0e4736\r\nx-b3-spanid: 00f067aa0ba902b7\r\nx-b3-sampled: 0\r\n",
    );
    for (const headers of seen) {
      assert.equal(headers["x-b3-traceid"], "a3ce929d0e0e4736");
      assert.equal(headers["x-b3-parentspanid"], "00f067aa0ba902b7");
      assert.equal(headers["x-b3-sampled"], "0");
    }
    assert.deepEqual(posted, []);
  });

  test("OpenTelemetry gets the spans of a trace that a caller began", async () => {
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    await ask(traceTo(openTelemetry), `traceparent: 00-${trace}-00f067aa0ba902b7-01\r\ntracestate: a=b\r\n`);
    const { path, host, body } = await delivery();
    assert.deepEqual([path, host], ["/v1/traces", "otel.sample"]);
    const [resource] = fromBinary(ExportTraceServiceRequestSchema, body).resourceSpans;
    const spans = resource?.scopeSpans[0]?.spans ?? [];
    assert.deepEqual(
      spans.map(({ spanId }) => `00-${trace}-${Buffer.from(spanId).toString("hex")}-01`),
      seen.map(({ traceparent }) => traceparent),
    );
    assert.equal(seen[0]?.["tracestate"], "a=b");
  });

  test("a try at an upstream is a span of its own where the configuration says so", async () => {
    await ask(traceTo(zipkin, { spawnUpstreamSpan: true }));
    const spans = JSON.parse((await delivery()).body.toString()) as {
      id: string;
      parentId?: string;
      kind: string;
    }[];
    const [client, server] = spans;
    assert.deepEqual([client?.kind, server?.kind], ["CLIENT", "SERVER"]);
    assert.equal(client?.parentId, server?.id);
    assert.equal(seen[0]?.["x-b3-spanid"], client?.id);
  });

  test("tracers of other kinds are taken, and say nothing", async () => {
    const datadog = {
      name: "envoy.tracers.datadog",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.config.trace.v3.DatadogConfig",
        collectorCluster: "collector",
        serviceName: "sleep",
      },
    };
    await ask(traceTo(datadog));
    assert.equal(seen.length, 5);
    assert.deepEqual(
      Object.keys(seen[0] ?? {}).filter((name) => /b3|trace|datadog/.test(name)),
      [],
    );
  });
});
