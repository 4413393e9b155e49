import type { Case } from "../case.ts";
import { destinationRule, to, virtualService, webSubsets } from "./objects.ts";

const pool = (host: string, fields: string) => destinationRule(host, `trafficPolicy: {${fields}}`);
/** Servers outside, whose addresses are the same for both proxies, spread over by a hash. */
const hash = (fields: string) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ring, namespace: shop}
spec: {hosts: [ring.example.com], ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], resolution: STATIC, location: MESH_EXTERNAL, endpoints: [{address: 127.O.1.1}, {address: 127.O.1.2}, {address: 127.O.1.3}, {address: 127.O.1.4}, {address: 127.O.1.5, weight: 3}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ring, namespace: shop}
spec: {host: ring.example.com, trafficPolicy: {loadBalancer: {consistentHash: {${fields}}}}}
`;
const inTurn = "loadBalancer: {simple: ROUND_ROBIN}";
const outlier = (fields: string) => `outlierDetection: {interval: 30s, baseEjectionTime: 30s, ${fields}}`;
/** Envoy puts changes of health that follow each other within a second into effect at once. */
const merged = { wait: 1100 };
const ring = { to: "127.B.128.12:80" };
const stay = { status: 200 as const };

/** DestinationRules: how requests are spread, how many at once, and what happens to hosts that fail. */
export const resilienceCases: readonly Case[] = [
  {
    name: "ROUND_ROBIN takes every host in turn",
    proxy: "client",
    objects: pool("web", "loadBalancer: {simple: ROUND_ROBIN}"),
    steps: [{ ask: "GET web/", times: 9, answer: { status: 200, app: { a: 3, b: 3, c: 3 } } }],
  },
  {
    name: "LEAST_REQUEST and RANDOM reach every host",
    proxy: "client",
    objects: pool("web", "loadBalancer: {simple: LEAST_REQUEST}"),
    steps: [
      {
        ask: "GET web/",
        times: 60,
        atOnce: true,
        answer: { status: 200, app: { a: [5, 40], b: [5, 40], c: [5, 40] } },
      },
      { objects: pool("web", "loadBalancer: {simple: RANDOM}") },
      {
        ask: "GET web/",
        times: 60,
        atOnce: true,
        answer: { status: 200, app: { a: [5, 40], b: [5, 40], c: [5, 40] } },
      },
    ],
  },
  {
    name: "PASSTHROUGH goes to the address that was asked for",
    proxy: "client",
    objects: pool("web", "loadBalancer: {simple: PASSTHROUGH}"),
    steps: [{ ask: "GET web/", to: "127.B.128.11:80", answer: { status: 503, app: "", flags: "URX,UF" } }],
  },
  ...[
    { of: "ring hash", fields: "ringHash: {minimumRingSize: 1024}" },
    { of: "a small ring", fields: "ringHash: {minimumRingSize: 7}" },
    { of: "maglev", fields: "maglev: {tableSize: 251}" },
    { of: "maglev's large table", fields: "maglev: {}" },
  ].map(
    ({ of, fields }): Case => ({
      name: `${of} chooses the host that Envoy chooses`,
      proxy: "client",
      objects: hash(`httpHeaderName: x-user, ${fields}`),
      steps: [
        ...Array.from({ length: 10 }, (_, i) => ({
          ask: "GET ring.example.com/",
          headers: { "x-user": `a user with a longer name than others ${i}`.slice(0, 8 + 4 * i) + i },
          ...ring,
          answer: stay,
        })),
        { ask: "GET ring.example.com/", headers: { "x-user": ["b", "a"] }, ...ring, answer: stay },
      ],
    }),
  ),
  {
    name: "a query parameter's hash chooses the host that Envoy chooses",
    proxy: "client",
    objects: hash("httpQueryParameterName: user"),
    steps: Array.from({ length: 8 }, (_, i) => ({
      ask: `GET ring.example.com/?x=y&user=u%20${i}`,
      ...ring,
      answer: stay,
    })),
  },
  {
    name: "a cookie's hash chooses the host that Envoy chooses",
    proxy: "client",
    objects: hash("httpCookie: {name: user, path: /shop, ttl: 60s}"),
    steps: Array.from({ length: 8 }, (_, i) => ({
      ask: "GET ring.example.com/",
      headers: { cookie: `a=b; user=u${i}` },
      ...ring,
      answer: stay,
    })),
  },
  {
    name: "a cookie that is missing is made, and leads back to the same host",
    proxy: "client",
    objects: pool(
      "solo",
      "loadBalancer: {consistentHash: {httpCookie: {name: user, path: /shop, ttl: 60s}}}",
    ),
    steps: [
      {
        ask: "GET solo/",
        answer: {
          status: 200,
          headers: { "set-cookie": 'user="<hash>"; Max-Age=60; Path=/shop; HttpOnly' },
        },
      },
      {
        ask: "GET solo/",
        headers: { cookie: 'user="x"' },
        answer: { status: 200, headers: { "set-cookie": null } },
      },
    ],
  },
  {
    name: "more requests at once than may wait are turned away",
    proxy: "client",
    objects:
      pool("solo", "connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}") +
      virtualService("solo", `[${to("solo", "retries: {attempts: 0}")}]`),
    apps: { s: [{ delay: 300 }] },
    steps: [
      {
        ask: "GET solo/",
        times: 6,
        atOnce: true,
        answer: { status: [200, 503], app: { s: [1, 3] }, log: { flags: /^(-|UO)$/ } },
      },
    ],
  },
  {
    name: "more requests at once than a host may have are turned away",
    proxy: "client",
    objects:
      pool("solo", "connectionPool: {http: {http2MaxRequests: 1}}") +
      virtualService("solo", `[${to("solo", "retries: {attempts: 0}")}]`),
    apps: { s: [{ delay: 300 }] },
    steps: [
      {
        ask: "GET solo/",
        times: 4,
        atOnce: true,
        answer: {
          status: [200, 503],
          app: { s: 1 },
          log: {
            flags: /^(-|UO)$/,
            details: /^(via_upstream|upstream_reset_before_response_started\{overflow\})$/,
          },
        },
      },
    ],
  },
  {
    name: "connections end after so many requests",
    proxy: "client",
    objects: pool("solo", "connectionPool: {http: {maxRequestsPerConnection: 1}}"),
    steps: [{ ask: "GET solo/", times: 3, answer: { status: 200, app: { s: 3 } } }],
  },
  {
    name: "a host that is not there in time is given up",
    proxy: "client",
    objects: pool("gone", "connectionPool: {tcp: {connectTimeout: 0.1s}}"),
    steps: [{ ask: "GET gone/", answer: { status: 503, flags: "URX,UF", took: [0, 3000] } }],
  },
  {
    name: "a host that answers with errors is taken out for a while",
    proxy: "client",
    objects:
      pool(
        "web",
        "loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 2, interval: 0.2s, baseEjectionTime: 30s, maxEjectionPercent: 100}",
      ) + destinationRule("other", "trafficPolicy: {}"),
    apps: { a: [500], b: [200], c: [200] },
    steps: [
      { ask: "GET web/", times: 12, answer: { status: [200, 500] } },
      { ask: "GET web/", times: 8, answer: { status: 200 } },
    ],
  },
  {
    name: "hosts beyond the share that may be out stay, and errors go on",
    proxy: "client",
    objects:
      pool("web", `${inTurn}, ${outlier("consecutive5xxErrors: 1, maxEjectionPercent: 34")}`) +
      virtualService("web", `[${to("web", "retries: {attempts: 0}")}]`),
    apps: { a: [500], b: [500], c: [500] },
    steps: [
      { ask: "GET web/", answer: { status: 500, app: "a" } },
      merged,
      { ask: "GET web/", answer: { status: 500, app: "b" } },
      merged,
      { ask: "GET web/", answer: { status: 500, app: "b" } },
      merged,
      { ask: "GET web/", answer: { status: 500, app: "b" } },
    ],
  },
  {
    name: "a single host may not be out where the share does not allow it",
    proxy: "client",
    objects:
      pool("solo", outlier("consecutive5xxErrors: 1, maxEjectionPercent: 10")) +
      virtualService("solo", `[${to("solo", "retries: {attempts: 0}")}]`),
    apps: { s: [500, 200] },
    steps: [
      { ask: "GET solo/", answer: { status: 500 } },
      merged,
      { ask: "GET solo/", answer: { status: 200 } },
    ],
  },
  {
    name: "gateway errors take a host out, other errors don't",
    proxy: "client",
    objects:
      pool("solo", outlier("consecutiveGatewayErrors: 2, consecutive5xxErrors: 0, maxEjectionPercent: 100")) +
      virtualService("solo", `[${to("solo", "retries: {attempts: 0}")}]`),
    apps: { s: [500, 500, 500, 502, 503, 200] },
    steps: [
      { ask: "GET solo/", times: 3, answer: { status: 500 } },
      { ask: "GET solo/", answer: { status: 502 } },
      { ask: "GET solo/", answer: { status: 503 } },
      merged,
      { ask: "GET solo/", answer: { status: 503, flags: "UH", app: "" } },
    ],
  },
  {
    name: "while all hosts are out, requests go to all of them in panic or get no healthy upstream",
    proxy: "client",
    objects:
      pool(
        "solo",
        "outlierDetection: {consecutive5xxErrors: 1, interval: 30s, baseEjectionTime: 30s, maxEjectionPercent: 100, minHealthPercent: 0}",
      ) + virtualService("solo", `[${to("solo", "retries: {attempts: 0}")}]`),
    apps: { s: [500] },
    steps: [
      { ask: "GET solo/", answer: { status: 500 } },
      merged,
      { ask: "GET solo/", answer: { status: 503, body: "no healthy upstream", flags: "UH" } },
    ],
  },
  {
    name: "with outlier detection requests stay in the caller's zone while it is healthy",
    proxy: "client",
    objects: pool(
      "web",
      "loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 5, interval: 30s, baseEjectionTime: 30s}",
    ),
    steps: [{ ask: "GET web/", times: 9, answer: { status: 200, app: { a: 9 } } }],
  },
  {
    name: "requests fail over to the next zone and region",
    proxy: "client",
    objects:
      pool("web", `${inTurn}, ${outlier("consecutive5xxErrors: 1, maxEjectionPercent: 100")}`) +
      virtualService("web", `[${to("web", "retries: {attempts: 0}")}]`),
    apps: { a: [500], b: [200, 200, 500] },
    steps: [
      { ask: "GET web/", answer: { status: 500, app: "a" } },
      merged,
      { ask: "GET web/", times: 2, answer: { status: 200, app: { b: 2 } } },
      { ask: "GET web/", answer: { status: 500, app: "b" } },
      merged,
      { ask: "GET web/", times: 3, answer: { status: 200, app: { c: 3 } } },
    ],
  },
  {
    name: "localities get the shares that a rule distributes",
    proxy: "client",
    objects: pool(
      "web",
      'loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: true, distribute: [{from: "r1/z1/*", to: {"r1/z1/*": 70, "r2/z3/*": 30}}]}}, outlierDetection: {consecutive5xxErrors: 5}',
    ),
    steps: [
      {
        ask: "GET web/",
        times: 50,
        atOnce: true,
        answer: { status: 200, app: { a: [25, 45], c: [5, 25], b: 0 } },
      },
    ],
  },
  {
    name: "a tried host is not tried again while there is another",
    proxy: "client",
    objects:
      destinationRule("web", `${webSubsets}, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}`) +
      virtualService("web", `[${to("web", "retries: {attempts: 2, retryOn: 5xx}")}]`),
    apps: { a: [500], b: [500], c: [200] },
    steps: [{ ask: "GET web/", times: 12, answer: { status: 200, app: { a: [1, 12], b: [1, 12], c: 12 } } }],
  },
];
