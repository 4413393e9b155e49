import type { OutgoingHttpHeaders } from "node:http2";
import type { Headers } from "../http/headers.ts";

/** Regular fields and pseudo fields of an HTTP/2 message, from the name, value, name, value … that node:http2 gives. */
export function fromRawHeaders(raw: readonly string[]): {
  readonly headers: Headers;
  readonly pseudo: Readonly<Record<string, string>>;
  readonly contentLength: number | undefined;
} {
  const headers: Headers = [];
  const pseudo: Record<string, string> = {};
  let contentLength: number | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const value = raw[i + 1] ?? "";
    if (name.startsWith(":")) pseudo[name] = value;
    else if (name === "content-length") contentLength = Number(value);
    else headers.push(name, value);
  }
  return { headers, pseudo, contentLength };
}

/** Fields as node:http2 wants them: repeated names as lists. */
export function toHttp2Headers(headers: Headers): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const value = headers[i + 1] ?? "";
    const known = fields[name];
    if (known === undefined) fields[name] = value;
    else if (Array.isArray(known)) known.push(value);
    else fields[name] = name === "cookie" ? `${known}; ${value}` : [String(known), value];
  }
  return fields;
}
