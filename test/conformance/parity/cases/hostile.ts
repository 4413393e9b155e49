import type { Case } from "../case.ts";
import { to, virtualService } from "./objects.ts";

const get = (lines: string, rest = "") => `GET / HTTP/1.1\r\nhost: solo\r\n${lines}\r\n${rest}`;
const post = (lines: string, rest = "") => `POST / HTTP/1.1\r\nhost: solo\r\n${lines}\r\n${rest}`;
/** Refused by the codec: no app hears of it, the connection ends. */
const refused = (
  name: string,
  send: string | readonly string[],
  more: { readonly status?: number; readonly details?: string } = {},
): Case => ({
  name,
  proxy: "client",
  steps: [
    {
      send,
      answers: [
        {
          status: more.status ?? 400,
          app: "",
          flags: "DPE",
          ...(more.details === undefined ? {} : { log: { details: more.details } }),
        },
      ],
      closes: true,
    },
    // Whatever was left unread is no request of somebody else's.
    { ask: "GET solo/after", answer: { status: 200, app: "s", seen: { path: "/after" } } },
  ],
});

/** Hostile input: smuggled requests, hidden paths, injected headers, oversized and broken messages. */
export const hostileCases: readonly Case[] = [
  refused(
    "a length and chunks at once are refused",
    post(
      "content-length: 4\r\ntransfer-encoding: chunked\r\n",
      "0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: solo\r\n\r\n",
    ),
    {
      details: "http1.content_length_and_chunked_not_allowed",
    },
  ),
  refused("two lengths are refused", post("content-length: 4\r\ncontent-length: 5\r\n", "abcde")),
  refused("a length that is no number is refused", post("content-length: 5x\r\n", "abcde")),
  refused("a length with a sign is refused", post("content-length: +5\r\n", "abcde")),
  refused(
    "a coding other than chunked is refused",
    post("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n"),
    { status: 501, details: "http1.invalid_transfer_encoding" },
  ),
  refused(
    "a coding that hides behind a name is refused",
    post("transfer-encoding: xchunked\r\n", "0\r\n\r\n"),
    { status: 501 },
  ),
  refused(
    "a coding twice is refused",
    post("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"),
    { status: 501 },
  ),
  refused("a space before a header's colon is refused", get("transfer-encoding : chunked\r\n")),
  refused("a NUL in a header is refused", get("x-a: a\u0000b\r\n")),
  refused("a lone carriage return in a header is refused", get("x-a: a\rx-b: c\r\n")),
  refused("a header without a name is refused", get(": a\r\n")),
  refused("a header's name with a space is refused", get("x a: b\r\n")),

  refused("two hosts are refused", "GET / HTTP/1.1\r\nhost: solo\r\nhost: other\r\n\r\n"),
  refused("a host with a space is refused", "GET / HTTP/1.1\r\nhost: so lo\r\n\r\n"),
  refused("a method that nobody knows is refused", "FOO / HTTP/1.1\r\nhost: solo\r\n\r\n"),
  refused("a chunk whose size is no number is refused", [
    post("transfer-encoding: chunked\r\n"),
    "zz\r\nabc\r\n0\r\n\r\n",
  ]),
  refused("headers beyond 60 KiB are refused", get(`x-a: ${"a".repeat(70_000)}\r\n`), { status: 431 }),
  refused(
    "more than 100 headers are refused",
    get(Array.from({ length: 120 }, (_, i) => `x-${i}: a\r\n`).join("")),
    { status: 431 },
  ),
  {
    name: "lines that end in a newline alone are read",
    proxy: "client",
    steps: [
      {
        send: "GET /lf HTTP/1.1\nhost: solo\nx-a: b\n\n",
        answers: [{ status: 200, app: "s", seen: { path: "/lf", headers: { "x-a": "b" } } }],
      },
    ],
  },
  {
    name: "a chunk's extension is dropped",
    proxy: "client",
    steps: [
      {
        send: post("transfer-encoding: chunked\r\n", "3;a=b\r\nabc\r\n0\r\n\r\n"),
        answers: [{ status: 200, app: "s", seen: { body: "abc" } }],
      },
    ],
  },
  {
    name: "a whole address in the request line counts, not the host",
    proxy: "client",
    steps: [
      {
        send: "GET http://solo/abs?q HTTP/1.1\r\nhost: other\r\n\r\n",
        answers: [{ status: 200, app: "s", seen: { path: "/abs?q", host: "solo" } }],
      },
    ],
  },
  {
    name: "paths are put into their plainest form before they are matched",
    proxy: "client",
    objects: virtualService(
      "solo",
      `[{match: [{uri: {prefix: /admin}}], directResponse: {status: 403}}, ${to("solo")}]`,
    ),
    steps: [
      { ask: "GET solo/x/../admin/y", answer: { status: 403, app: "" } },
      { ask: "GET solo/./admin", answer: { status: 403, app: "" } },
      { ask: "GET solo/%61dmin", answer: { status: 403, app: "" } },
      { ask: "GET solo/x/%2e%2e/admin", answer: { status: 403, app: "" } },
      { ask: "GET solo/x\\..\\admin", answer: { status: 403, app: "" } },
      { ask: "GET solo//admin", answer: { status: 200, seen: { path: "//admin" } } },
      { ask: "GET solo/%2fadmin", answer: { status: 200, seen: { path: "/%2fadmin" } } },
      { ask: "GET solo/x%2f..%2fadmin", answer: { status: 200, seen: { path: "/x%2f..%2fadmin" } } },
      { ask: "GET solo/ADMIN", answer: { status: 200, seen: { path: "/ADMIN" } } },
      { ask: "GET solo/x?y=/../admin", answer: { status: 200, seen: { path: "/x?y=/../admin" } } },
      { ask: "GET solo/x/..;a=b/admin", answer: { status: 403, app: "" } },
      { ask: "GET solo/.;/admin", answer: { status: 403, app: "" } },
      { ask: "GET solo/%2e%2e;/admin", answer: { status: 200, seen: { path: "/..;/admin" } } },
      { ask: "GET solo/a;b/admin", answer: { status: 200, seen: { path: "/a;b/admin" } } },
      { ask: "GET solo/../../admin", answer: { status: 403 } },
      { ask: "GET solo/a%zz", answer: { status: [200, 400] } },
      { ask: "GET solo/a%00b", answer: { status: 400, log: { details: "path_normalization_failed" } } },
    ],
  },
  {
    name: "slashes are merged where the mesh says so",
    proxy: "client",
    mesh: "pathNormalization: {normalization: MERGE_SLASHES}",
    objects: virtualService(
      "solo",
      `[{match: [{uri: {prefix: /admin}}], directResponse: {status: 403}}, ${to("solo")}]`,
    ),
    steps: [
      { ask: "GET solo//admin", answer: { status: 403 } },
      { ask: "GET solo/a///b?c=//d", answer: { status: 200, seen: { path: "/a/b?c=//d" } } },
      { ask: "GET solo/%2fadmin", answer: { status: 200, seen: { path: "/%2fadmin" } } },
    ],
  },
  {
    name: "escaped slashes are written out where the mesh says so",
    proxy: "client",
    mesh: "pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}",
    objects: virtualService(
      "solo",
      `[{match: [{uri: {prefix: /admin}}], directResponse: {status: 403}}, ${to("solo")}]`,
    ),
    steps: [
      { ask: "GET solo/%2fadmin", answer: { status: 403 } },
      { ask: "GET solo/x%2f..%2Fadmin", answer: { status: 403 } },
      { ask: "GET solo/x%5cy", answer: { status: 200, seen: { path: "/x/y" } } },
    ],
  },
  {
    name: "paths stay as they are where the mesh says so",
    proxy: "client",
    mesh: "pathNormalization: {normalization: NONE}",
    steps: [{ ask: "GET solo/a/../b//c/%61", answer: { status: 200, seen: { path: "/a/../b//c/%61" } } }],
  },
  {
    name: "headers that an app smuggles into its answer do not become lines",
    proxy: "client",
    apps: { s: [{ raw: "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nx-a: b\u0000c\r\n\r\ns", ends: true }] },
    steps: [{ ask: "GET solo/", answer: { status: 502, flags: "UPE" } }],
  },
  {
    name: "an app's answer with two lengths is not passed on",
    proxy: "client",
    apps: { s: [{ raw: "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nss", ends: true }] },
    steps: [{ ask: "GET solo/", answer: { status: 502, flags: "UPE" } }],
  },
  {
    name: "an app's answer with a length and chunks is not passed on",
    proxy: "client",
    apps: {
      s: [
        {
          raw: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
          ends: true,
        },
      ],
    },
    steps: [{ ask: "GET solo/", answer: { status: 502, flags: "UPE" } }],
  },
  {
    name: "an app's answer with oversized headers gives 502",
    proxy: "client",
    apps: {
      s: [{ raw: `HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-a: ${"a".repeat(90_000)}\r\n\r\n`, ends: true }],
    },
    steps: [{ ask: "GET solo/", answer: { status: [502, 503], flags: "UPE" } }],
  },
  {
    name: "what an app sends beyond its answer is nobody's",
    proxy: "client",
    apps: {
      s: [
        {
          raw: "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nsHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
        },
        200,
      ],
    },
    steps: [
      { ask: "GET solo/1", answer: { status: 200, body: "s" } },
      { ask: "GET solo/2", answer: { status: 200, body: "s" } },
    ],
  },
  {
    name: "folded lines are joined",
    proxy: "client",
    apps: {
      s: [
        {
          raw: "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\nx-a: b\r\n  c\r\n\r\ns",
          ends: true,
        },
      ],
    },
    steps: [
      {
        send: get("x-a: 1\r\n  folded: 2\r\n"),
        answers: [{ status: 200, headers: { "x-a": "b  c" }, seen: { headers: { "x-a": "1  folded: 2" } } }],
      },
    ],
  },
  {
    name: "a request without a host is answered with 400",
    proxy: "client",
    steps: [
      {
        send: "GET / HTTP/1.1\r\n\r\n",
        answers: [{ status: 400, body: "", app: "", log: { details: "missing_host_header", path: "/" } }],
        closes: true,
      },
    ],
  },
];
