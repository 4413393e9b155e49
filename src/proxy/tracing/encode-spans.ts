import { create, toBinary } from "@bufbuild/protobuf";
import { ExportTraceServiceRequestSchema } from "../../xds/gen/opentelemetry/proto/trace/v1/trace_pb.js";
import type { Collector, Span } from "./span.ts";

/** Spans as a collector reads them. */
export interface EncodedSpans {
  readonly body: Buffer;
  readonly contentType: string;
}

/** Encodes spans of one proxy for a collector. */
export function encodeSpans(
  spans: readonly Span[],
  format: Collector["format"],
  from: { readonly service: string; readonly address: string },
): EncodedSpans {
  if (format === "zipkin json") {
    const json = spans.map((span) => zipkinSpan(span, from));
    return { body: Buffer.from(JSON.stringify(json)), contentType: "application/json" };
  }
  const message = otlpRequest(spans, from.service);
  return format === "otlp http"
    ? { body: message, contentType: "application/x-protobuf" }
    : { body: grpcFrame(message), contentType: "application/grpc" };
}

/** Zipkin's v2 JSON (zipkin.io/zipkin-api): times in microseconds. */
function zipkinSpan(
  { context, name, kind, startTime, duration, tags, isError }: Span,
  from: { readonly service: string; readonly address: string },
) {
  const { traceId, spanId, parentId } = context;
  return {
    traceId,
    id: spanId,
    ...(parentId === undefined ? {} : { parentId }),
    name,
    kind: kind.toUpperCase(),
    timestamp: Math.round(startTime * 1000),
    duration: Math.max(1, Math.round(duration * 1000)),
    localEndpoint: {
      serviceName: from.service,
      ...(from.address.includes(":") ? { ipv6: from.address } : { ipv4: from.address }),
    },
    tags: { ...Object.fromEntries(tags), ...(isError ? { error: "true" } : {}) },
  };
}

const kinds = { server: 2, client: 3 } as const;
const failed = 2;

function otlpRequest(spans: readonly Span[], service: string): Buffer {
  const nanoseconds = (ms: number) => BigInt(Math.round(ms * 1000)) * 1000n;
  const message = create(ExportTraceServiceRequestSchema, {
    resourceSpans: [
      {
        resource: { attributes: [attribute("service.name", service)] },
        scopeSpans: [
          {
            spans: spans.map(({ context, name, kind, startTime, duration, tags, isError }) => ({
              traceId: Buffer.from(context.traceId.padStart(32, "0"), "hex"),
              spanId: Buffer.from(context.spanId, "hex"),
              parentSpanId: Buffer.from(context.parentId ?? "", "hex"),
              traceState: context.state ?? "",
              name,
              kind: kinds[kind],
              startTimeUnixNano: nanoseconds(startTime),
              endTimeUnixNano: nanoseconds(startTime + duration),
              attributes: tags.map(([key, value]) => attribute(key, value)),
              ...(isError ? { status: { code: failed } } : {}),
            })),
          },
        ],
      },
    ],
  });
  return Buffer.from(toBinary(ExportTraceServiceRequestSchema, message));
}

function attribute(key: string, value: string) {
  return { key, value: { value: { case: "stringValue" as const, value } } };
}

/** A message as gRPC frames it: not compressed, then its length. */
function grpcFrame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
