import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { suite, test } from "vitest";
import { ExportTraceServiceRequestSchema } from "../../xds/gen/opentelemetry/proto/trace/v1/trace_pb.js";
import { encodeSpans } from "./encode-spans.ts";
import type { Span } from "./span.ts";

const span: Span = {
  context: {
    traceId: "a3ce929d0e0e4736",
    spanId: "00f067aa0ba902b7",
    parentId: "05e3ac9a4f6e3b90",
    isSampled: true,
    state: "a=b",
  },
  name: "reviews:80/*",
  kind: "client",
  startTime: 1_700_000_000_000.25,
  duration: 12.5,
  tags: [["http.status_code", "503"]],
  isError: true,
};
const from = { service: "web.sample", address: "10.1.0.1" };

suite("encodeSpans()", () => {
  test("Zipkin's JSON counts in microseconds and tells where the span is from", () => {
    const { body, contentType } = encodeSpans([span], "zipkin json", from);
    assert.equal(contentType, "application/json");
    assert.deepEqual(JSON.parse(body.toString()), [
      {
        traceId: "a3ce929d0e0e4736",
        id: "00f067aa0ba902b7",
        parentId: "05e3ac9a4f6e3b90",
        name: "reviews:80/*",
        kind: "CLIENT",
        timestamp: 1_700_000_000_000_250,
        duration: 12_500,
        localEndpoint: { serviceName: "web.sample", ipv4: "10.1.0.1" },
        tags: { "http.status_code": "503", error: "true" },
      },
    ]);
  });

  test("OTLP has ids in bytes, times in nanoseconds and the service as its resource", () => {
    const { body, contentType } = encodeSpans([span], "otlp http", from);
    assert.equal(contentType, "application/x-protobuf");
    const [resource] = fromBinary(ExportTraceServiceRequestSchema, body).resourceSpans;
    assert.deepEqual(
      resource?.resource?.attributes.map(({ key, value }) => [key, value?.value.value]),
      [["service.name", "web.sample"]],
    );
    const told = resource.scopeSpans[0]?.spans[0];
    assert.equal(Buffer.from(told?.traceId ?? []).toString("hex"), "0000000000000000a3ce929d0e0e4736");
    assert.equal(told?.startTimeUnixNano, 1_700_000_000_000_250_000n);
    assert.equal(told.endTimeUnixNano, 1_700_000_000_012_750_000n);
    assert.deepEqual([told.kind, told.status?.code, told.traceState], [3, 2, "a=b"]);
  });

  test("OTLP over gRPC is the same message in a frame", () => {
    const { body: message } = encodeSpans([span], "otlp http", from);
    const { body, contentType } = encodeSpans([span], "otlp grpc", from);
    assert.equal(contentType, "application/grpc");
    assert.equal(body.readUInt8(0), 0);
    assert.equal(body.readUInt32BE(1), message.length);
    assert.deepEqual(body.subarray(5), message);
  });
});
