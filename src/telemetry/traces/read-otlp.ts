import { fromBinary, fromJson, type JsonValue } from "@bufbuild/protobuf";
import {
  type AnyValue,
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
  type KeyValue,
  type Span as OtlpSpan,
} from "../../xds/gen/opentelemetry/proto/trace/v1/trace_pb.js";
import {
  type ReadSpans,
  type Span,
  SpanFormatError,
  type SpanKind,
  spanIdOf,
  type Tags,
  traceIdOf,
} from "./span.ts";

/** Spans of an OpenTelemetry export request as protobuf (OTLP 1.x). Throws SpanFormatError when it is none. */
export function readOtlp(body: Uint8Array): ReadSpans {
  try {
    return readRequest(fromBinary(ExportTraceServiceRequestSchema, body));
  } catch (reason) {
    throw new SpanFormatError("the report is not an ExportTraceServiceRequest", { cause: reason });
  }
}

/** The same as JSON, in which ids are hexadecimal (OTLP specification, "JSON Protobuf Encoding"). */
export function readOtlpJson(text: string): ReadSpans {
  try {
    const json = JSON.parse(text, (name, value: unknown) =>
      idFields.has(name) && typeof value === "string" ? Buffer.from(value, "hex").toString("base64") : value,
    ) as JsonValue;
    return readRequest(fromJson(ExportTraceServiceRequestSchema, json, { ignoreUnknownFields: true }));
  } catch (reason) {
    throw new SpanFormatError("the report is not an ExportTraceServiceRequest in JSON", { cause: reason });
  }
}

const idFields = new Set(["traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"]);

const kinds = new Map<number, SpanKind>([
  [1, "internal"],
  [2, "server"],
  [3, "client"],
  [4, "producer"],
  [5, "consumer"],
]);
const failed = 2;

function readRequest({ resourceSpans }: ExportTraceServiceRequest): ReadSpans {
  const spans: Span[] = [];
  let rejected = 0;
  for (const { resource, scopeSpans } of resourceSpans) {
    const process = tagsOf(resource?.attributes ?? []);
    const service = process.find(([key]) => key === "service.name")?.[1];
    const rest = process.filter(([key]) => key !== "service.name");
    for (const { scope, spans: reported } of scopeSpans) {
      const scopeTags: Tags = [
        ...named("otel.scope.name", scope?.name),
        ...named("otel.scope.version", scope?.version),
      ];
      for (const one of reported) {
        const span = readSpan(one, String(service ?? "unknown"), rest, scopeTags);
        if (span === undefined) rejected++;
        else spans.push(span);
      }
    }
  }
  return { spans, rejected };
}

function readSpan(span: OtlpSpan, service: string, process: Tags, scope: Tags): Span | undefined {
  const traceId = traceIdOf(hex(span.traceId));
  const spanId = spanIdOf(hex(span.spanId));
  const start = microseconds(span.startTimeUnixNano);
  if (traceId === undefined || spanId === undefined || start <= 0) return undefined;
  const parentId = spanIdOf(hex(span.parentSpanId));
  const kind = kinds.get(span.kind);
  const isError = span.status?.code === failed;
  return {
    traceId,
    spanId,
    ...(parentId === undefined ? {} : { parentId }),
    links: span.links.flatMap((link) => {
      const [trace, id] = [traceIdOf(hex(link.traceId)), spanIdOf(hex(link.spanId))];
      return trace === undefined || id === undefined ? [] : [{ traceId: trace, spanId: id }];
    }),
    name: span.name || "unknown",
    ...(kind === undefined ? {} : { kind }),
    start,
    duration: Math.max(0, microseconds(span.endTimeUnixNano) - start),
    service,
    process,
    tags: [
      ...tagsOf(span.attributes),
      ...scope,
      ...named("otel.status_description", span.status?.message),
      ...(isError ? ([["error", true]] as const) : []),
    ],
    logs: span.events.map(({ timeUnixNano, name, attributes }) => ({
      at: microseconds(timeUnixNano),
      fields: [...named("event", name), ...tagsOf(attributes)],
    })),
    isError,
  };
}

function tagsOf(attributes: readonly KeyValue[]): Tags {
  return attributes.map(({ key, value }) => [key, tagValue(value)] as const);
}

function tagValue(given: AnyValue | undefined): string | number | boolean {
  const { value } = given ?? {};
  switch (value?.case) {
    case "stringValue":
    case "boolValue":
    case "doubleValue":
      return value.value;
    case "intValue":
      // A number as long as it is exact.
      return Number.isSafeInteger(Number(value.value)) ? Number(value.value) : String(value.value);
    case "bytesValue":
      return Buffer.from(value.value).toString("base64");
    case "arrayValue":
      return JSON.stringify(value.value.values.map(tagValue));
    case "kvlistValue":
      return JSON.stringify(Object.fromEntries(tagsOf(value.value.values)));
    default:
      return "";
  }
}

function named(key: string, value: string | undefined): Tags {
  return value === undefined || value === "" ? [] : [[key, value]];
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function microseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n);
}
