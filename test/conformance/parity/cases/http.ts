import type { Case } from "../case.ts";
import { to, virtualService } from "./objects.ts";

const solo = (more: string) => virtualService("solo", `[${to("solo", more)}]`);

/** What is kept of HTTP itself on the way through: bodies, lengths, trailers, versions, upgrades, gRPC. */
export const httpCases: readonly Case[] = [
  {
    name: "a body with a length keeps its length",
    proxy: "client",
    apps: { s: [{ headers: { "content-length": "5" }, body: "hello" }] },
    steps: [
      {
        ask: "POST solo/",
        body: "payload",
        answer: {
          status: 200,
          body: "hello",
          headers: { "content-length": "5", "transfer-encoding": null },
          seen: { body: "payload", headers: { "content-length": "7", "transfer-encoding": null } },
          log: { received: 7, sent: 5 },
        },
      },
    ],
  },
  {
    name: "a body of unknown length is chunked again",
    proxy: "client",
    steps: [
      {
        ask: "POST solo/",
        chunks: ["pay", "load"],
        answer: {
          status: 200,
          headers: { "transfer-encoding": "chunked", "content-length": null },
          seen: { body: "payload", headers: { "transfer-encoding": "chunked", "content-length": null } },
        },
      },
    ],
  },
  {
    name: "a large body passes whole in both directions",
    proxy: "client",
    apps: { s: [{ body: "y".repeat(300_000) }] },
    steps: [
      {
        ask: "PUT solo/",
        body: "x".repeat(300_000),
        answer: {
          status: 200,
          body: "y".repeat(300_000),
          seen: { body: "x".repeat(300_000) },
          log: { received: 300_000, sent: 300_000 },
        },
      },
    ],
  },
  {
    name: "methods without a body are told no length, others are",
    proxy: "client",
    steps: [
      {
        ask: "DELETE solo/",
        answer: { status: 200, seen: { method: "DELETE", headers: { "content-length": null } } },
      },
      { ask: "POST solo/", answer: { status: 200, seen: { headers: { "content-length": "0" } } } },
      { ask: "PATCH solo/", answer: { status: 200, seen: { headers: { "content-length": "0" } } } },
      { ask: "OPTIONS solo/", answer: { status: 200, seen: { headers: { "content-length": "0" } } } },
      { ask: "PURGE solo/", answer: { status: 200 } },
    ],
  },
  {
    name: "204 and 304 have no body, and an app that announces one with 204 breaks the protocol",
    proxy: "client",
    apps: {
      s: [
        {
          raw: "HTTP/1.1 304 Not Modified\r\nconnection: close\r\ncontent-length: 10\r\netag: a\r\n\r\n",
          ends: true,
        },
        { raw: "HTTP/1.1 204 No Content\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", ends: true },
        {
          raw: "HTTP/1.1 304 Not Modified\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n",
          ends: true,
        },
        {
          raw: "HTTP/1.1 204 No Content\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n",
          ends: true,
        },
        { raw: "HTTP/1.1 204 No Content\r\nconnection: close\r\ncontent-length: 5\r\n\r\n", ends: true },
      ],
    },
    steps: [
      { ask: "GET solo/1", answer: { status: 304, body: "" } },
      { ask: "GET solo/2", answer: { status: 204, body: "" } },
      { ask: "GET solo/3", answer: { status: 304, body: "" } },
      { ask: "GET solo/4", answer: { status: 502, flags: "UPE" } },
      { ask: "GET solo/5", answer: { status: 502, flags: "UPE" } },
    ],
  },
  {
    name: "an answer that ends with its connection is chunked for the client",
    proxy: "client",
    apps: { s: [{ raw: "HTTP/1.1 200 OK\r\nx-app: s\r\n\r\nuntil the end", ends: true }] },
    steps: [
      {
        ask: "GET solo/",
        answer: {
          status: 200,
          body: "until the end",
          headers: { "transfer-encoding": "chunked", connection: null },
        },
      },
    ],
  },
  {
    name: "an answer of HTTP/1.0 is passed on as HTTP/1.1",
    proxy: "client",
    apps: { s: [{ raw: "HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold", ends: true }] },
    steps: [{ ask: "GET solo/", answer: { status: 200, body: "old", log: { protocol: "HTTP/1.1" } } }],
  },
  {
    name: "headers for one hop end there, save those that an answer names",
    proxy: "client",
    apps: {
      s: [
        {
          raw: "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nproxy-connection: close\r\nx-end: 2\r\n\r\ns",
          ends: true,
        },
      ],
    },
    steps: [
      {
        ask: "GET solo/",
        headers: {
          connection: "keep-alive, x-hop",
          "x-hop": "1",
          "keep-alive": "timeout=5",
          "proxy-connection": "keep-alive",
          te: "gzip",
          "x-end": "2",
        },
        answer: {
          status: 200,
          headers: { "x-end": "2", connection: null, "x-hop": "1" },
          seen: { headers: { "x-end": "2", "keep-alive": null, "proxy-connection": null } },
        },
      },
    ],
  },
  {
    name: "server and date of the app are replaced and kept",
    proxy: "client",
    apps: { s: [{ headers: { server: "app/1", date: "Thu, 01 Jan 1970 00:00:00 GMT" } }] },
    steps: [{ ask: "GET solo/", answer: { status: 200, headers: { server: "envoy" } } }],
  },
  {
    name: "an id of the client's is kept on its way out",
    proxy: "client",
    steps: [
      {
        ask: "GET solo/",
        headers: { "x-request-id": "my-own-id" },
        answer: {
          status: 200,
          seen: { headers: { "x-request-id": "my-own-id" } },
          headers: { "x-request-id": null },
        },
      },
    ],
  },
  {
    name: "headers about other hops are kept on the way out, but not those that steer the router",
    proxy: "client",
    steps: [
      {
        ask: "GET solo/",
        headers: {
          "x-forwarded-for": "10.9.9.9",
          "x-forwarded-proto": "https",
          "x-forwarded-host": "front.example.com",
          "x-envoy-internal": "true",
          "x-envoy-external-address": "1.2.3.4",
          "x-envoy-decorator-operation": "mine",
          "x-envoy-original-path": "/mine",
          "x-envoy-upstream-alt-stat-name": "mine",
          "x-envoy-force-trace": "true",
          via: "1.1 front",
        },
        answer: {
          status: 200,
          seen: {
            headers: {
              "x-forwarded-for": "10.9.9.9",
              "x-forwarded-proto": "https",
              "x-forwarded-host": "front.example.com",
              via: "1.1 front",
            },
          },
        },
      },
    ],
  },
  {
    name: "cookies and repeated headers arrive as they were sent",
    proxy: "client",
    apps: { s: [{ headers: { "set-cookie": ["a=1; Path=/", "b=2"], vary: "x" } }] },
    steps: [
      {
        ask: "GET solo/",
        headers: { cookie: "a=1; b=2", "x-list": ["1", "2"], accept: ["a", "b"] },
        answer: {
          status: 200,
          headers: { "set-cookie": "a=1; Path=/\nb=2" },
          seen: { headers: { cookie: "a=1; b=2", "x-list": "1,2" } },
        },
      },
    ],
  },
  {
    name: "a client that waits for 100-continue gets it from the app",
    proxy: "client",
    apps: { s: [{ interim: [100] }] },
    steps: [
      {
        ask: "POST solo/",
        headers: { expect: "100-continue" },
        body: "payload",
        answer: { status: 200, interim: [100], seen: { body: "payload" } },
      },
    ],
  },
  {
    name: "early hints are passed on",
    proxy: "client",
    apps: { s: [{ interim: [103] }] },
    steps: [{ ask: "GET solo/", answer: { status: 200, interim: [103] } }],
  },
  {
    name: "requests one after the other on one connection are answered in order",
    proxy: "client",
    apps: {
      s: [
        { headers: { "content-length": "1" }, body: "1", delay: 60 },
        { headers: { "content-length": "1" }, body: "2" },
      ],
    },
    steps: [
      {
        send: "GET /1 HTTP/1.1\r\nhost: solo\r\n\r\nGET /2 HTTP/1.1\r\nhost: solo\r\n\r\n",
        answers: [
          { status: 200, body: "1" },
          { status: 200, body: "2" },
        ],
        closes: false,
      },
    ],
  },
  {
    name: "connection: close is kept to",
    proxy: "client",
    steps: [
      {
        send: "GET / HTTP/1.1\r\nhost: solo\r\nconnection: close\r\n\r\n",
        answers: [{ status: 200, headers: { connection: "close" } }],
        closes: true,
      },
    ],
  },
  {
    name: "what is not HTTP/1.1 or HTTP/2 is taken for TCP on the way out, HTTP/1.0 too",
    proxy: "client",
    steps: [
      { tcp: "GET / HTTP/1.0\r\n\r\n", to: "127.B.1.34:9000", answer: { text: /^t:GET/ } },
      {
        send: "GET /old HTTP/1.0\r\nhost: solo\r\n\r\n",
        to: "127.B.1.31:8080",
        answers: [{ status: 200, app: "s", seen: { path: "/old" }, log: { cluster: "PassthroughCluster" } }],
        closes: true,
      },
    ],
  },
  {
    name: "a websocket goes through, and both sides speak freely until the app ends",
    proxy: "client",
    steps: [
      {
        send: [
          "GET /ws HTTP/1.1\r\nhost: solo\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n",
          "ping",
          "bye",
        ],
        answers: [
          {
            status: 101,
            body: "s:pings:bye",
            flags: "UC",
            headers: { upgrade: "websocket", connection: "Upgrade" },
          },
        ],
        closes: true,
      },
    ],
  },
  {
    name: "a websocket ends with its client",
    proxy: "client",
    steps: [
      {
        send: "GET /ws HTTP/1.1\r\nhost: solo\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
        answers: [{ status: 101, flags: "DC", log: { details: "downstream_remote_disconnect" } }],
      },
    ],
  },
  {
    name: "an app that refuses a websocket is heard",
    proxy: "client",
    apps: { s: [403] },
    steps: [
      {
        send: "GET /ws HTTP/1.1\r\nhost: solo\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
        answers: [{ status: 403 }],
        closes: true,
      },
    ],
  },
  {
    name: "upgrades to other protocols are refused",
    proxy: "client",
    steps: [
      {
        send: "GET / HTTP/1.1\r\nhost: solo\r\nconnection: Upgrade\r\nupgrade: spdy/3\r\n\r\n",
        answers: [{ status: 403, body: "", log: { details: "upgrade_failed" } }],
        closes: true,
      },
    ],
  },
  {
    name: "HTTP/2 from the app's side reaches an HTTP/1.1 service",
    proxy: "client",
    steps: [
      {
        ask: "POST solo/x?y",
        http2: true,
        body: "two",
        headers: { cookie: "a=1; b=2", "x-a": "b" },
        answer: {
          status: 200,
          body: "s",
          seen: { path: "/x?y", host: "solo", body: "two", headers: { cookie: "a=1; b=2", "x-a": "b" } },
          log: { protocol: "HTTP/2" },
        },
      },
      { ask: "HEAD solo/", http2: true, answer: { status: 200, body: "" } },
      { ask: "GET solo/none", http2: true, answer: { status: 200 } },
    ],
  },
  {
    name: "HTTP/1.1 from the app's side reaches an HTTP/2 service",
    proxy: "client",
    steps: [
      {
        ask: "POST grpc/x",
        body: "one",
        answer: {
          status: 200,
          body: "g",
          app: "g",
          seen: { host: "grpc", path: "/x", body: "one" },
          log: { protocol: "HTTP/1.1" },
        },
      },
    ],
  },
  {
    name: "trailers of a request reach an HTTP/2 service",
    proxy: "client",
    steps: [
      {
        ask: "POST grpc/",
        http2: true,
        body: "x",
        trailers: { "x-after": "all" },
        answer: { status: 200, app: "g" },
      },
    ],
  },
  {
    name: "an app that breaks off inside its answer breaks the client's answer off",
    proxy: "client",
    apps: {
      s: [
        { headers: { "content-length": "100" }, body: "half", breaksOff: true },
        { body: "half", breaksOff: true },
      ],
    },
    steps: [
      {
        ask: "GET solo/1",
        answer: {
          status: 200,
          flags: "UPE",
          log: { details: "upstream_reset_after_response_started{protocol_error}" },
        },
      },
      { ask: "GET solo/2", answer: { status: 200, flags: "UPE" } },
    ],
  },
  {
    name: "a client that goes away is logged as such",
    proxy: "client",
    apps: { s: ["hang"] },
    steps: [
      {
        ask: "GET solo/",
        givesUpAfter: 100,
        answer: { status: 0, flags: "DC", log: { details: "downstream_remote_disconnect", status: 0 } },
      },
    ],
  },
  {
    name: "an answer that is no HTTP gives 502",
    proxy: "client",
    apps: { s: [{ raw: "SSH-2.0-OpenSSH_9.6\r\n\r\n", ends: true }] },
    steps: [
      {
        ask: "GET solo/",
        answer: {
          status: 502,
          flags: "UPE",
          body: /protocol error/,
          log: { details: "upstream_reset_before_response_started{protocol_error}" },
        },
      },
    ],
  },
  {
    name: "an app that ends without an answer gives 503",
    proxy: "client",
    apps: { s: [{ raw: "", ends: true }] },
    steps: [
      {
        ask: "GET solo/",
        answer: {
          status: 503,
          flags: "UC",
          body: "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
        },
      },
    ],
  },
  {
    name: "an app may answer before it has read the request",
    proxy: "client",
    apps: { s: [413] },
    objects: solo("retries: {attempts: 0}"),
    steps: [
      {
        ask: "POST solo/",
        headers: { expect: "100-continue" },
        body: "payload",
        answer: { status: 413, interim: [] },
      },
    ],
  },
  {
    name: "an app that ends inside its head or its body breaks the protocol",
    proxy: "client",
    apps: {
      s: [
        { raw: "HTTP/1.1 200 OK\r\nx-a", ends: true },
        { raw: "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab", ends: true },
      ],
    },
    steps: [
      { ask: "GET solo/", answer: { status: 502, flags: "UPE" } },
      { ask: "GET solo/", answer: { status: 200, flags: "UPE", body: "ab" } },
    ],
  },
  {
    name: "an HTTP/2 app that goes away is told of as such",
    proxy: "client",
    apps: { g: ["reset", { body: "half", breaksOff: true }] },
    steps: [
      { ask: "GET grpc/", http2: true, answer: { status: 503, flags: "UC" } },
      { ask: "GET grpc/", http2: true, answer: { status: 200, flags: "UC" } },
    ],
  },
  {
    name: "an offer to go on in HTTP/2 is not taken",
    proxy: "client",
    steps: [
      {
        send: "GET / HTTP/1.1\r\nhost: solo\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: x\r\n\r\n",
        answers: [{ status: 200, app: "s", seen: { headers: { upgrade: null, "http2-settings": null } } }],
      },
    ],
  },
  {
    name: "no route is one for CONNECT",
    proxy: "client",
    steps: [
      {
        send: "CONNECT solo:80 HTTP/1.1\r\nhost: solo\r\n\r\n",
        answers: [{ status: 404, flags: "NR" }],
        closes: true,
      },
    ],
  },
];
