import type { Case } from "../case.ts";
import { to, virtualService } from "./objects.ts";

const solo = (http: string) => virtualService("solo", http);

/** What routes make of requests and answers: rewrites, redirects, direct responses, header operations, CORS. */
export const rewriteCases: readonly Case[] = [
  {
    name: "rewrite replaces the prefix that was matched",
    proxy: "client",
    objects: solo(
      "[{match: [{uri: {prefix: /old/}}], rewrite: {uri: /new/}, route: [{destination: {host: solo}}]}]",
    ),
    steps: [
      {
        ask: "GET solo/old/x?q=1",
        answer: {
          status: 200,
          seen: { path: "/new/x?q=1", headers: { "x-envoy-original-path": "/old/x?q=1" } },
          log: { path: "/new/x?q=1" },
        },
      },
    ],
  },
  {
    name: "rewrite replaces an exact path and keeps the query",
    proxy: "client",
    objects: solo(
      "[{match: [{uri: {exact: /old}}], rewrite: {uri: /new}, route: [{destination: {host: solo}}]}]",
    ),
    steps: [{ ask: "GET solo/old?q=1", answer: { status: 200, seen: { path: "/new?q=1" } } }],
  },
  {
    name: "rewrite replaces the authority, and the original one is told",
    proxy: "client",
    objects: solo("[{rewrite: {authority: other.example.com}, route: [{destination: {host: solo}}]}]"),
    steps: [
      {
        ask: "GET solo/x",
        answer: {
          status: 200,
          seen: {
            host: "other.example.com",
            path: "/x",
            headers: { "x-forwarded-host": null, "x-envoy-original-host": "solo" },
          },
        },
      },
    ],
  },
  {
    name: "uriRegexRewrite puts captured parts in new places",
    proxy: "client",
    objects: solo(
      '[{rewrite: {uriRegexRewrite: {match: "^/svc/([^/]+)(/.*)$", rewrite: "\\\\2/of/\\\\1"}}, route: [{destination: {host: solo}}]}]',
    ),
    steps: [
      { ask: "GET solo/svc/cart/item?q=1", answer: { status: 200, seen: { path: "/item/of/cart?q=1" } } },
      { ask: "GET solo/else", answer: { status: 200, seen: { path: "/else" } } },
    ],
  },
  {
    name: "redirects change the path and the authority",
    proxy: "client",
    objects: solo(
      "[{match: [{uri: {prefix: /a}}], redirect: {uri: /b, authority: b.example.com}}, {redirect: {authority: c.example.com, redirectCode: 302}}]",
    ),
    steps: [
      {
        ask: "GET solo/a/x?q=1",
        answer: {
          status: 301,
          body: "",
          app: "",
          headers: { location: "http://b.example.com/b?q=1", "content-length": "0" },
          log: { details: "direct_response" },
        },
      },
      {
        ask: "GET solo/x?q=1",
        answer: { status: 302, app: "", headers: { location: "http://c.example.com/x?q=1" } },
      },
    ],
  },
  {
    name: "redirects change scheme and port",
    proxy: "client",
    objects: solo(
      "[{match: [{uri: {prefix: /s}}], redirect: {scheme: https}}, {match: [{uri: {prefix: /p}}], redirect: {port: 8443, scheme: https}}, {match: [{uri: {prefix: /d}}], redirect: {scheme: https, derivePort: FROM_PROTOCOL_DEFAULT}}, {redirect: {derivePort: FROM_REQUEST_PORT, uri: /r}}]",
    ),
    steps: [
      { ask: "GET solo/s", answer: { status: 301, headers: { location: "https://solo/s" } } },
      { ask: "GET solo:80/s", answer: { status: 301, headers: { location: /^https:\/\/solo(:80)?\/s$/ } } },
      { ask: "GET solo/p", answer: { status: 301, headers: { location: "https://solo:8443/p" } } },
      { ask: "GET solo/d", answer: { status: 301, headers: { location: /^https:\/\/solo(:443)?\/d$/ } } },
      { ask: "GET solo/x", answer: { status: 301, headers: { location: /^http:\/\/solo(:80)?\/r$/ } } },
    ],
  },
  {
    name: "direct responses answer by themselves",
    proxy: "client",
    objects: solo(
      '[{match: [{uri: {exact: /teapot}}], directResponse: {status: 418, body: {string: "short and stout"}}}, {match: [{uri: {exact: /none}}], directResponse: {status: 204}}, {directResponse: {status: 503}}]',
    ),
    steps: [
      {
        ask: "GET solo/teapot",
        answer: {
          status: 418,
          body: "short and stout",
          app: "",
          headers: { "content-type": "text/plain", "content-length": "15" },
          log: { details: "direct_response" },
        },
      },
      { ask: "GET solo/none", answer: { status: 204, body: "", app: "" } },
      { ask: "HEAD solo/teapot", answer: { status: 418, body: "", app: "" } },
      { ask: "GET solo/else", answer: { status: 503, body: "", app: "" } },
    ],
  },
  {
    name: "direct responses change headers as routes do",
    proxy: "client",
    objects: solo(
      '[{directResponse: {status: 200, body: {string: "{}"}}, headers: {response: {set: {content-type: application/json}, add: {x-a: b}}}}]',
    ),
    steps: [
      {
        ask: "GET solo/",
        answer: { status: 200, body: "{}", headers: { "content-type": "application/json", "x-a": "b" } },
      },
    ],
  },
  {
    name: "routes set, add and remove headers of requests",
    proxy: "client",
    objects: solo(
      `[${to("solo", "headers: {request: {set: {x-set: new}, add: {x-add: more}, remove: [x-gone]}}")}]`,
    ),
    steps: [
      {
        ask: "GET solo/",
        headers: { "x-set": "old", "x-add": "one", "x-gone": "yes" },
        answer: { status: 200, seen: { headers: { "x-set": "new", "x-add": "one,more", "x-gone": null } } },
      },
    ],
  },
  {
    name: "routes set, add and remove headers of answers",
    proxy: "client",
    objects: solo(
      `[${to("solo", "headers: {response: {set: {x-set: new}, add: {x-add: more}, remove: [x-gone]}}")}]`,
    ),
    apps: { s: [{ headers: { "x-set": "old", "x-add": "one", "x-gone": "yes" } }] },
    steps: [
      {
        ask: "GET solo/",
        answer: { status: 200, headers: { "x-set": "new", "x-add": "one,more", "x-gone": null } },
      },
    ],
  },
  {
    name: "headers set to Host change where a request says it goes",
    proxy: "client",
    objects: solo(`[${to("solo", "headers: {request: {set: {Host: third.example.com}}}")}]`),
    steps: [{ ask: "GET solo/", answer: { status: 200, app: "s", seen: { host: "third.example.com" } } }],
  },
  {
    name: "header values are made from what is known of the request",
    proxy: "client",
    objects: solo(
      `[${to("solo", 'headers: {request: {set: {x-proto: "%PROTOCOL%", x-percent: "100%%", x-of: "%REQ(x-in)%"}}, response: {set: {x-code: "%RESPONSE_CODE%", x-up: "%UPSTREAM_CLUSTER_RAW%", x-flags: "%RESPONSE_FLAGS%"}}}')}]`,
    ),
    steps: [
      {
        ask: "GET solo/",
        headers: { "x-in": "abc" },
        answer: {
          status: 200,
          headers: { "x-code": "200", "x-up": "outbound|80||solo.shop.svc.cluster.local", "x-flags": "-" },
          seen: { headers: { "x-proto": "HTTP/1.1", "x-percent": "100%", "x-of": "abc" } },
        },
      },
    ],
  },
  {
    name: "a preflight is answered in the app's place, for an origin that is allowed",
    proxy: "client",
    objects: solo(
      `[${to("solo", 'corsPolicy: {allowOrigins: [{exact: "https://a.example.com"}, {regex: "https://.*[.]b[.]com"}], allowMethods: [GET, PUT], allowHeaders: [x-a, x-b], exposeHeaders: [x-c], maxAge: 90s, allowCredentials: true}')}]`,
    ),
    steps: [
      {
        ask: "OPTIONS solo/",
        headers: { origin: "https://a.example.com", "access-control-request-method": "PUT" },
        answer: {
          status: 200,
          app: "",
          body: "",
          headers: {
            "access-control-allow-origin": "https://a.example.com",
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "GET,PUT",
            "access-control-allow-headers": "x-a,x-b",
            "access-control-max-age": "90",
          },
        },
      },
      {
        ask: "GET solo/",
        headers: { origin: "https://x.b.com" },
        answer: {
          status: 200,
          app: "s",
          headers: {
            "access-control-allow-origin": "https://x.b.com",
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": "x-c",
          },
        },
      },
      {
        ask: "GET solo/",
        headers: { origin: "https://evil.com" },
        answer: { status: 200, app: "s", headers: { "access-control-allow-origin": null } },
      },
      {
        ask: "OPTIONS solo/",
        headers: { origin: "https://a.example.com" },
        answer: { status: 200, app: "s" },
      },
    ],
  },
  {
    name: "a preflight of an origin that is not allowed goes to the app, or is answered without permission",
    proxy: "client",
    objects: solo(
      `[{match: [{uri: {prefix: /f}}], corsPolicy: {allowOrigins: [{exact: "https://a.com"}], unmatchedPreflights: FORWARD}, route: [{destination: {host: solo}}]}, {match: [{uri: {prefix: /i}}], corsPolicy: {allowOrigins: [{exact: "https://a.com"}], unmatchedPreflights: IGNORE}, route: [{destination: {host: solo}}]}, ${to("solo", 'corsPolicy: {allowOrigins: [{exact: "https://a.com"}]}')}]`,
    ),
    steps: [
      {
        ask: "OPTIONS solo/f",
        headers: { origin: "https://evil.com", "access-control-request-method": "PUT" },
        answer: { status: 200, app: "s" },
      },
      {
        ask: "OPTIONS solo/i",
        headers: { origin: "https://evil.com", "access-control-request-method": "PUT" },
        answer: { status: 200, app: "" },
      },
      {
        ask: "OPTIONS solo/x",
        headers: { origin: "https://evil.com", "access-control-request-method": "PUT" },
        answer: { status: 200 },
      },
    ],
  },
];
