import {
  type ReadSpans,
  type Span,
  SpanFormatError,
  type SpanKind,
  spanIdOf,
  type Tags,
  traceIdOf,
} from "./span.ts";

interface Endpoint {
  readonly serviceName?: unknown;
  readonly ipv4?: unknown;
  readonly ipv6?: unknown;
  readonly port?: unknown;
}

/**
 * Spans of a report to Zipkin: POST /api/v2/spans, a JSON list (https://zipkin.io/zipkin-api/#/default/post_spans).
 * Throws SpanFormatError when it is no list.
 */
export function readZipkin(text: string): ReadSpans {
  const list = parse(text);
  if (!Array.isArray(list)) throw new SpanFormatError("a report to Zipkin is a JSON list of spans");
  const spans = list.flatMap((one: unknown) => readSpan(one) ?? []);
  return { spans, rejected: list.length - spans.length };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (reason) {
    throw new SpanFormatError("the report is not JSON", { cause: reason });
  }
}

const kinds = new Map<unknown, SpanKind>([
  ["CLIENT", "client"],
  ["SERVER", "server"],
  ["PRODUCER", "producer"],
  ["CONSUMER", "consumer"],
]);

function readSpan(value: unknown): Span | undefined {
  const fields = objectOf(value);
  const traceId = traceIdOf(textOf(fields["traceId"]));
  const spanId = spanIdOf(textOf(fields["id"]));
  const start = Number(fields["timestamp"]);
  if (traceId === undefined || spanId === undefined || !(start > 0)) return undefined;
  const parentId = spanIdOf(textOf(fields["parentId"]));
  const kind = kinds.get(fields["kind"]);
  const duration = Number(fields["duration"] ?? 0) || 0;
  const local: Endpoint = objectOf(fields["localEndpoint"]);
  const tags = Object.entries(objectOf(fields["tags"])).map(([key, tag]) => [key, String(tag)] as const);
  return {
    traceId,
    spanId,
    ...(parentId === undefined ? {} : { parentId }),
    links: [],
    name: textOf(fields["name"]) || "unknown",
    ...(kind === undefined ? {} : { kind }),
    start,
    duration: Math.max(0, duration),
    service: textOf(local.serviceName) || "unknown",
    process: [...addressTags("ip", local), ...portTag("port", local)],
    tags: [...tags, ...remoteTags(objectOf(fields["remoteEndpoint"]))],
    logs: logsOf(fields["annotations"]),
    isError: tags.some(([key, tag]) => key === "error" && tag !== "false"),
  };
}

function logsOf(annotations: unknown): Span["logs"] {
  if (!Array.isArray(annotations)) return [];
  return annotations.flatMap((one: unknown) => {
    const { timestamp, value } = objectOf(one);
    return Number(timestamp) > 0 ? [{ at: Number(timestamp), fields: [["event", textOf(value)]] }] : [];
  });
}

/** The other side, by OpenTracing's names, as Jaeger's collector translates it. */
function remoteTags(remote: Endpoint): Tags {
  const name = textOf(remote.serviceName);
  return [
    ...(name === "" ? [] : [["peer.service", name] as const]),
    ...addressTags("peer.", remote),
    ...portTag("peer.port", remote),
  ];
}

function addressTags(prefix: "ip" | "peer.", { ipv4, ipv6 }: Endpoint): Tags {
  const name = (version: string) => (prefix === "ip" ? "ip" : `${prefix}${version}`);
  const tags: [string, string][] = [
    [name("ipv4"), textOf(ipv4)],
    [name("ipv6"), textOf(ipv6)],
  ];
  return tags.filter(([, address]) => address !== "");
}

function portTag(name: string, { port }: Endpoint): Tags {
  return Number(port) > 0 ? [[name, Number(port)]] : [];
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
