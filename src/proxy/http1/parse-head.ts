import { dropHeaders, type Headers } from "../http/headers.ts";

/** Bounds on a message's head. */
export interface HeadLimits {
  readonly maxBytes: number;
  readonly maxCount: number;
}

/** Envoy's bounds. */
export const defaultHeadLimits: HeadLimits = { maxBytes: 60 * 1024, maxCount: 100 };

/** How the end of a body is found (RFC 9112 6.3). "close" only in responses. */
export type Framing = "none" | "length" | "chunked" | "close";

export interface Http1Request {
  readonly method: string;
  readonly target: string;
  readonly version: "HTTP/1.0" | "HTTP/1.1";
  readonly headers: Headers;
  readonly host: string | undefined;
  readonly framing: Framing;
  readonly contentLength: number | undefined;
  readonly keepAlive: boolean;
  readonly upgrade: string | undefined;
  readonly expectsContinue: boolean;
}

export interface Http1Response {
  readonly status: number;
  readonly headers: Headers;
  /** "close" stands for "neither a length nor chunks": the caller knows whether a body is allowed at all. */
  readonly framing: Framing;
  readonly contentLength: number | undefined;
  readonly keepAlive: boolean;
}

/** A head that breaks the rules: what a server answers, and the reason in the words of %RESPONSE_CODE_DETAILS%. */
export interface HeadError {
  readonly status: 400 | 403 | 426 | 431 | 501;
  readonly details: string;
}

/** A head with control characters, or whose lines end in LF alone: lenientHead may still read it. */
export const invalidCharacters: HeadError = { status: 400, details: "http1.invalid_characters" };
export const headersTooLarge: HeadError = { status: 431, details: "http1.headers_too_large" };
/** What breaks the grammar of HTTP/1 in no way that has a name of its own. */
export const codecError: HeadError = { status: 400, details: "http1.codec_error" };
const tooManyHeaders: HeadError = { status: 431, details: "http1.too_many_headers" };
const unknownCoding: HeadError = { status: 501, details: "http1.invalid_transfer_encoding" };
const lengthAndChunks: HeadError = { status: 400, details: "http1.content_length_and_chunked_not_allowed" };
const lowVersion: HeadError = { status: 426, details: "low_version" };

/**
 * Finds a head whose lines may end in LF alone, which RFC 9112 2.2 lets a recipient read and Envoy does. Returns it
 * with proper line ends, and where the body starts; undefined while it is not complete.
 */
export function lenientHead(
  bytes: Buffer,
  start: number,
): { readonly text: string; readonly end: number } | undefined {
  const all = bytes.toString("latin1", start);
  const stop = /\n\r?\n/.exec(all);
  if (stop === null) return undefined;
  const text = all.slice(0, stop.index).replace(/\r$/, "").replace(/\r?\n/g, "\r\n");
  return { text, end: start + stop.index + stop[0].length };
}

export function isHeadError(value: object): value is HeadError {
  return "details" in value;
}

/** Control characters, and CR or LF that is not part of CR LF. NUL and bare line ends are how requests are smuggled. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose.
const forbidden = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const targetText = /^[!-~]+$/;
const versionText = /^HTTP\/[0-9]\.[0-9]$/;
const digits = /^[0-9]{1,15}$/;

/** Methods that Envoy knows; others are refused, as it does. */
const methods = new Set(
  (
    "GET POST PUT DELETE HEAD PATCH OPTIONS CONNECT TRACE ACL BIND CHECKOUT COPY LINK LOCK MERGE MKACTIVITY MKCALENDAR " +
    "MKCOL MOVE M-SEARCH NOTIFY PROPFIND PROPPATCH PURGE REBIND REPORT SEARCH SOURCE SUBSCRIBE UNBIND UNLINK UNLOCK UNSUBSCRIBE"
  ).split(" "),
);

/** Names seen before, as written → in lower case. Bounded: hostile names must not fill the memory. */
const knownNames = new Map<string, string>();
const maxKnownNames = 1024;

function fieldName(raw: string): string | undefined {
  const known = knownNames.get(raw);
  if (known !== undefined) return known;
  if (!token.test(raw)) return undefined;
  const name = raw.toLowerCase();
  if (knownNames.size < maxKnownNames && raw.length <= 64) knownNames.set(raw, name);
  return name;
}

interface Fields {
  readonly headers: Headers;
  host: string | undefined;
  contentLength: number | undefined;
  chunked: boolean;
  connection: string | undefined;
  upgrade: string | undefined;
  expectsContinue: boolean;
}

/**
 * Reads a request head: everything before the empty line, in latin1, without it. Connection-level fields
 * (connection, keep-alive, proxy-connection, transfer-encoding, upgrade, host, expect) are taken out.
 * Strict where leniency lets a request be read in two ways (RFC 9112 11.2).
 */
export function parseRequestHead(head: string, limits: HeadLimits): Http1Request | HeadError {
  const text = unfolded(head);
  if (text.length > limits.maxBytes) return headersTooLarge;
  if (forbidden.test(text)) return invalidCharacters;
  let lineEnd = text.indexOf("\r\n");
  if (lineEnd < 0) lineEnd = text.length;
  const firstSpace = text.indexOf(" ");
  const secondSpace = text.indexOf(" ", firstSpace + 1);
  if (firstSpace <= 0 || secondSpace < 0 || secondSpace > lineEnd) return codecError;
  const method = text.slice(0, firstSpace);
  const target = text.slice(firstSpace + 1, secondSpace);
  const version = text.slice(secondSpace + 1, lineEnd);
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0") {
    return versionText.test(version) ? lowVersion : codecError;
  }
  if (!methods.has(method)) return codecError;
  if (!targetText.test(target)) return codecError;
  const fields = parseFields(text, lineEnd + 2, limits);
  if (isHeadError(fields)) return fields;
  const { headers, contentLength, chunked, connection } = fields;
  if (chunked && contentLength !== undefined) return lengthAndChunks;
  if (chunked && version === "HTTP/1.0") return codecError;
  const upgrade =
    fields.upgrade !== undefined && listHas(connection, "upgrade") ? fields.upgrade.toLowerCase() : undefined;
  dropNominated(headers, connection);
  return {
    method,
    target,
    version,
    headers,
    host: fields.host,
    framing: chunked ? "chunked" : contentLength !== undefined && contentLength > 0 ? "length" : "none",
    contentLength,
    keepAlive: version === "HTTP/1.1" ? !listHas(connection, "close") : listHas(connection, "keep-alive"),
    upgrade,
    expectsContinue: fields.expectsContinue,
  };
}

/** Reads a response head; same rules as parseRequestHead. */
export function parseResponseHead(head: string, limits: HeadLimits): Http1Response | HeadError {
  const text = unfolded(head);
  if (text.length > limits.maxBytes) return headersTooLarge;
  if (forbidden.test(text)) return invalidCharacters;
  let lineEnd = text.indexOf("\r\n");
  if (lineEnd < 0) lineEnd = text.length;
  const isNew = text.startsWith("HTTP/1.1 ");
  if (!isNew && !text.startsWith("HTTP/1.0 ")) return codecError;
  const code = text.slice(9, 12);
  const status = Number(code);
  if (!(status >= 100 && status <= 999) || (lineEnd > 12 && text.charCodeAt(12) !== 0x20)) {
    return codecError;
  }
  const fields = parseFields(text, lineEnd + 2, limits);
  if (isHeadError(fields)) return fields;
  const { headers, contentLength, chunked, connection } = fields;
  if (chunked && contentLength !== undefined) return lengthAndChunks;
  if (fields.upgrade !== undefined && status === 101) headers.push("upgrade", fields.upgrade);
  return {
    status,
    headers,
    framing: chunked
      ? "chunked"
      : contentLength === undefined
        ? "close"
        : contentLength > 0
          ? "length"
          : "none",
    contentLength,
    keepAlive: isNew ? !listHas(connection, "close") : listHas(connection, "keep-alive"),
  };
}

/** The head with folded lines joined (RFC 9112 5.2), as Envoy does: the blanks stay. */
function unfolded(head: string): string {
  return head.includes("\r\n ") || head.includes("\r\n\t") ? head.replace(/\r\n(?=[ \t])/g, "") : head;
}

function parseFields(text: string, from: number, limits: HeadLimits): Fields | HeadError {
  const fields: Fields = {
    headers: [],
    host: undefined,
    contentLength: undefined,
    chunked: false,
    connection: undefined,
    upgrade: undefined,
    expectsContinue: false,
  };
  const { headers } = fields;
  const end = text.length;
  let count = 0;
  for (let at = from; at < end; ) {
    let lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) lineEnd = end;
    const first = text.charCodeAt(at);
    if (first === 0x20 || first === 0x09) return codecError;
    const colon = text.indexOf(":", at);
    if (colon < 0 || colon > lineEnd) return codecError;
    const name = fieldName(text.slice(at, colon));
    if (name === undefined) return codecError;
    if (++count > limits.maxCount) return tooManyHeaders;
    const value = trimmed(text, colon + 1, lineEnd);
    switch (name) {
      case "content-length":
        if (fields.contentLength !== undefined) return codecError;
        if (!digits.test(value)) return codecError;
        fields.contentLength = Number(value);
        break;
      case "transfer-encoding":
        if (fields.chunked || value.toLowerCase() !== "chunked") return unknownCoding;
        fields.chunked = true;
        break;
      case "connection":
        fields.connection = fields.connection === undefined ? value : `${fields.connection},${value}`;
        break;
      case "host":
        if (fields.host !== undefined) return codecError;
        fields.host = value;
        break;
      case "upgrade":
        fields.upgrade = value;
        break;
      case "keep-alive":
      case "proxy-connection":
        break;
      case "expect":
        if (value.toLowerCase() === "100-continue") fields.expectsContinue = true;
        headers.push(name, value);
        break;
      default:
        headers.push(name, value);
    }
    at = lineEnd + 2;
  }
  return fields;
}

/** The text between `from` and `to` without spaces and tabs around it. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function listHas(list: string | undefined, word: string): boolean {
  if (list === undefined) return false;
  if (list === word) return true;
  return list.split(",").some((item) => item.trim().toLowerCase() === word);
}

/**
 * Drops the fields that "connection" names: they are for this hop only (RFC 9110 7.6.1). What upstreams decide
 * by (who the client is, what it may do) can't be dropped this way.
 */
function dropNominated(headers: Headers, connection: string | undefined): void {
  if (connection === undefined || connection === "close" || connection === "keep-alive") return;
  const nominated = new Set(connection.split(",").map((item) => item.trim().toLowerCase()));
  dropHeaders(headers, (name) => nominated.has(name) && !isProtected(name));
}

function isProtected(name: string): boolean {
  return name === "authorization" || name === "cookie" || name === "te" || name.startsWith("x-forwarded-");
}
