import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import type { HttpHandler } from "../contracts.ts";
import { readOtlp, readOtlpJson } from "./read-otlp.ts";
import { readZipkin } from "./read-zipkin.ts";
import { type ReadSpans, SpanFormatError } from "./span.ts";
import type { TraceStore } from "./trace-store.ts";

/** Most bytes of a report, as it is sent and as it is after decompression. */
const mostBody = 8 * 1024 * 1024;
const mostContent = 32 * 1024 * 1024;

/** What collectors count since the start. */
export interface CollectCounts {
  readonly accepted: number;
  readonly refused: number;
}

export interface Collector {
  /** POST /api/v2/spans (Zipkin) and POST /v1/traces (OTLP); false for anything else. */
  readonly handle: HttpHandler;
  readonly counts: CollectCounts;
}

/** Takes reports of spans over HTTP into a store. A report that can't be read is refused with the reason. */
export function createCollector(store: TraceStore): Collector {
  let accepted = 0;
  let refused = 0;
  const take = ({ spans, rejected }: ReadSpans) => {
    store.add(spans);
    accepted += spans.length;
    refused += rejected;
    return rejected;
  };
  return {
    get counts() {
      return { accepted, refused };
    },
    async handle(request, response) {
      const format = formatOf(request);
      if (format === undefined) return false;
      try {
        const body = await readBody(request);
        const rejected = take(format.read(body));
        format.answer(response, rejected);
      } catch (reason) {
        refused++;
        const { status, message } = refusal(reason);
        response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${message}\n`);
      }
      return true;
    },
  };
}

interface Format {
  read(body: Buffer): ReadSpans;
  answer(response: ServerResponse, rejected: number): void;
}

const zipkin: Format = {
  read: (body) => readZipkin(body.toString("utf8")),
  answer: (response) => void response.writeHead(202).end(),
};
const otlpJson: Format = {
  read: (body) => readOtlpJson(body.toString("utf8")),
  answer(response, rejected) {
    const answer = rejected === 0 ? {} : { partialSuccess: { rejectedSpans: String(rejected) } };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  },
};
const otlpProtobuf: Format = {
  read: readOtlp,
  answer(response, rejected) {
    // ExportTraceServiceResponse { partial_success = 1 { rejected_spans = 1 } }
    const count = varint(rejected);
    const answer = rejected === 0 ? [] : [0x0a, count.length + 1, 0x08, ...count];
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end(Buffer.from(answer));
  },
};

/** How a request is read; undefined when it is no report. */
function formatOf({ method, url = "/", headers }: IncomingMessage): Format | undefined {
  if (method !== "POST") return undefined;
  const path = url.split("?")[0];
  const type = (headers["content-type"] ?? "application/json").split(";")[0]?.trim();
  if (path === "/api/v2/spans") return type === "application/json" ? zipkin : unknownType(type);
  if (path !== "/v1/traces") return undefined;
  if (type === "application/json") return otlpJson;
  return type === "application/x-protobuf" ? otlpProtobuf : unknownType(type);
}

function unknownType(type: string | undefined): Format {
  return {
    read() {
      throw new Refusal(415, `spans as ${type} are not taken here; application/json is`);
    },
    answer() {},
  };
}

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

function refusal(reason: unknown): { readonly status: number; readonly message: string } {
  if (reason instanceof Refusal) return reason;
  if (reason instanceof SpanFormatError) return { status: 400, message: reason.message };
  throw reason;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostBody) throw new Refusal(413, `a report may have ${mostBody} bytes at most`);
    chunks.push(chunk);
  }
  return decompress(Buffer.concat(chunks), request.headers["content-encoding"] ?? "identity");
}

const decompressions = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;

async function decompress(body: Buffer, encoding: string): Promise<Buffer> {
  if (encoding === "identity") return body;
  if (encoding !== "gzip" && encoding !== "deflate")
    throw new Refusal(415, `reports encoded as ${encoding} are not taken here; gzip and deflate are`);
  try {
    return await decompressions[encoding](body, { maxOutputLength: mostContent });
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new Refusal(413, `a report may have ${mostContent} bytes at most`, { cause: reason });
    throw new Refusal(400, `the report is not ${encoding}`, { cause: reason });
  }
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}
