import type { IncomingMessage } from "node:http";
import { PromqlError } from "../promql/expression.ts";
import { readDuration } from "../promql/read-duration.ts";

const maxBodyBytes = 1024 * 1024;

/** Parameters of a call: of its query, and of its form when it is a POST. Throws PromqlError when there are too many. */
export async function readParameters(
  request: IncomingMessage,
  query: URLSearchParams,
): Promise<URLSearchParams> {
  const all = new URLSearchParams(query);
  if (request.method !== "POST") return all;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) throw new PromqlError(`a form may have ${maxBodyBytes} bytes at most`);
    chunks.push(chunk);
  }
  for (const [name, value] of new URLSearchParams(Buffer.concat(chunks).toString("utf8")))
    all.append(name, value);
  return all;
}

/** Milliseconds of a time, given in seconds since 1970 or as RFC 3339. Throws PromqlError. */
export function readTime(parameters: URLSearchParams, name: string, fallback?: number): number {
  const text = parameters.get(name) ?? "";
  if (text === "" && fallback !== undefined) return fallback;
  const seconds = Number(text);
  const time = text !== "" && Number.isFinite(seconds) ? Math.round(seconds * 1000) : Date.parse(text);
  if (text === "" || Number.isNaN(time))
    throw new PromqlError(`invalid parameter "${name}": cannot parse "${text}" to a valid timestamp`);
  return time;
}

/** Milliseconds of a step, given in seconds or as a duration. Throws PromqlError. */
export function readStep(parameters: URLSearchParams, name: string): number {
  const text = parameters.get(name) ?? "";
  const seconds = Number(text);
  const step = text !== "" && Number.isFinite(seconds) ? Math.round(seconds * 1000) : readDuration(text);
  if (step === undefined)
    throw new PromqlError(`invalid parameter "${name}": cannot parse "${text}" to a valid duration`);
  return step;
}
