import type { ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { drained } from "../../base/index.ts";
import { jsonText } from "../storage/json-text.ts";
import { acceptedForm } from "./accepted-form.ts";
import type { Answer, ListAnswer, OutgoingEvent, WatchStream } from "./call.ts";

const compress = promisify(gzip);
/** Shorter answers are not worth the time; Kubernetes draws the line here, too. */
const compressFrom = 128 * 1024;

/** What of the request decides how an answer is written. */
export interface AnswerOptions {
  readonly accept: string | undefined;
  readonly acceptEncoding: string | undefined;
  readonly warnings: readonly string[];
  readonly isHead: boolean;
}

/** Writes an answer to a socket. Resolves when it is out, or when the client has gone. */
export async function writeAnswer(
  response: ServerResponse,
  answer: Answer,
  options: AnswerOptions,
): Promise<void> {
  if (options.warnings.length > 0) response.setHeader("warning", options.warnings.map(warningText));
  switch (answer.kind) {
    case "json":
      return writeJson(
        response,
        answer.status,
        answer.text?.() ?? jsonText(answer.body),
        options,
        answer.headers,
      );
    case "list":
      return writeJson(response, 200, listText(answer), options);
    case "text": {
      response.writeHead(answer.status, answer.headers);
      response.end(answer.body);
      return;
    }
    case "watch":
      return writeWatch(response, answer.watch);
    case "stream":
      return writeStream(response, answer.status, answer.headers, answer.chunks);
  }
}

/** RFC 7234 Warning as kubectl reads it. */
function warningText(text: string): string {
  const quoted = text.replace(/[\\"]/g, "\\$&").replace(/[^\x20-\x7e]/g, "?");
  return `299 - "${quoted}"`;
}

/** The text of a list, put together from the texts of its items. */
function listText({ apiVersion, listKind, metadata, items }: ListAnswer): string {
  const head = `{"kind":${JSON.stringify(listKind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":${JSON.stringify(metadata)},"items":[`;
  return `${head}${items.map(jsonText).join(",")}]}\n`;
}

async function writeJson(
  response: ServerResponse,
  status: number,
  text: string,
  options: AnswerOptions,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  let type = "application/json";
  let body: string | Buffer = text;
  if (options.accept?.includes("yaml") === true && acceptedForm(options.accept).yaml) {
    const { stringify } = await import("yaml");
    body = stringify(JSON.parse(text), { lineWidth: 0 });
    type = "application/yaml";
  }
  const encoding: Record<string, string> = {};
  if (body.length >= compressFrom && options.acceptEncoding?.includes("gzip") === true) {
    body = await compress(body, { level: 1 });
    encoding["content-encoding"] = "gzip";
    encoding["vary"] = "Accept-Encoding";
  }
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-cache, private",
    "content-length": typeof body === "string" ? Buffer.byteLength(body) : body.length,
    ...encoding,
    ...headers,
  });
  response.end(options.isHead ? undefined : body);
}

// The last event written: a change goes to all its watchers in one turn, so one text serves them all.
let lastObject: unknown;
let lastType = "";
let lastChunk: Buffer = Buffer.alloc(0);

function eventChunk({ type, object }: OutgoingEvent): Buffer {
  if (object === lastObject && type === lastType) return lastChunk;
  lastChunk = Buffer.from(`{"type":"${type}","object":${jsonText(object)}}\n`);
  lastObject = object;
  lastType = type;
  return lastChunk;
}

function writeWatch(response: ServerResponse, watch: WatchStream): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      watch.stop();
      resolve();
    };
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-cache, private" });
    // Clients wait for the headers before they believe that the watch runs.
    response.flushHeaders();
    response.once("close", end);
    let isBlocked = false;
    const pump = () => {
      if (isBlocked) return;
      for (let event = watch.next(); event !== undefined; event = watch.next()) {
        if (!response.write(eventChunk(event))) {
          isBlocked = true;
          response.once("drain", () => {
            isBlocked = false;
            pump();
          });
          return;
        }
      }
      if (watch.ended) response.end();
    };
    watch.onReady(pump);
    pump();
  });
}

async function writeStream(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  response.writeHead(status, headers);
  response.flushHeaders();
  for await (const chunk of chunks) {
    if (response.destroyed) break;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
}
