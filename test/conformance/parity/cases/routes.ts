import type { Case } from "../case.ts";
import { destinationRule, to, virtualService, webSubsets } from "./objects.ts";

const solo = (http: string) => virtualService("solo", http);
/** What fits `match` goes to other, the rest to solo. */
const matching = (match: string) =>
  solo(`[{match: [${match}], route: [{destination: {host: other}}]}, ${to("solo")}]`);

/** Which route a request takes, by all that VirtualServices can match on. */
export const routeCases: readonly Case[] = [
  {
    name: "a request to a service reaches its pod with the headers that a sidecar adds",
    proxy: "client",
    steps: [
      {
        ask: "GET solo/hello?a=1",
        answer: {
          status: 200,
          body: "s",
          app: "s",
          headers: { server: "envoy", "x-envoy-upstream-service-time": "<ms>", "x-app": "s" },
          seen: {
            path: "/hello?a=1",
            host: "solo",
            headers: {
              "x-forwarded-proto": "http",
              "x-request-id": "<uuid>",
              "x-envoy-attempt-count": "1",
              "x-envoy-decorator-operation": "solo.shop.svc.cluster.local:80/*",
            },
          },
          log: { details: "via_upstream", status: 200 },
        },
      },
    ],
  },
  {
    name: "a service answers under all of its names",
    proxy: "client",
    steps: [
      { ask: "GET solo.shop/", answer: { status: 200, app: "s" } },
      { ask: "GET solo.shop.svc/", answer: { status: 200, app: "s" } },
      { ask: "GET solo.shop.svc.cluster.local/", answer: { status: 200, app: "s" } },
      { ask: "GET solo:80/", answer: { status: 200, app: "s", seen: { host: "solo:80" } } },
      {
        ask: "GET SOLO.Shop/",
        to: "127.B.128.12:80",
        answer: { status: 200, app: "s", seen: { host: "SOLO.Shop" } },
      },
    ],
  },
  {
    name: "an address that no service has is passed through as it is",
    proxy: "client",
    steps: [
      {
        tcp: "ping",
        to: "127.B.1.34:9000",
        answer: { text: "t:ping", log: { cluster: "PassthroughCluster" } },
      },
    ],
  },
  {
    name: "a host that no service has is passed through to its address on a port that services use",
    proxy: "client",
    steps: [
      {
        ask: "GET nowhere.example.com/",
        to: "127.B.1.31:8080",
        answer: {
          status: 200,
          app: "s",
          seen: { host: "nowhere.example.com" },
          log: { cluster: "PassthroughCluster", route: "allow_any" },
        },
      },
    ],
  },
  {
    name: "with REGISTRY_ONLY a host that no service has is answered with 502",
    proxy: "client",
    mesh: "outboundTrafficPolicy: {mode: REGISTRY_ONLY}",
    steps: [
      {
        ask: "GET nowhere.example.com/",
        to: "127.B.1.31:80",
        answer: { status: 502, body: "", app: "", log: { details: "direct_response", route: "block_all" } },
      },
    ],
  },
  {
    name: "exact paths match whole paths, without the query",
    proxy: "client",
    objects: matching("{uri: {exact: /a}}"),
    steps: [
      { ask: "GET solo/a?x=1", answer: { status: 200, app: "o" } },
      { ask: "GET solo/a/", answer: { status: 200, app: "s" } },
      { ask: "GET solo/A", answer: { status: 200, app: "s" } },
    ],
  },
  {
    name: "path prefixes match what begins with them",
    proxy: "client",
    objects: matching("{uri: {prefix: /shop}}"),
    steps: [
      { ask: "GET solo/shop", answer: { status: 200, app: "o" } },
      { ask: "GET solo/shopping", answer: { status: 200, app: "o" } },
      { ask: "GET solo/sho", answer: { status: 200, app: "s" } },
    ],
  },
  {
    name: "a regular expression must match the whole path, without the query",
    proxy: "client",
    objects: matching('{uri: {regex: "/v[12]/.*"}}'),
    steps: [
      { ask: "GET solo/v1/x?y", answer: { status: 200, app: "o" } },
      { ask: "GET solo/a/v1/x", answer: { status: 200, app: "s" } },
      { ask: "GET solo/v3/x", answer: { status: 200, app: "s" } },
    ],
  },
  {
    name: "ignoreUriCase lets case aside in exact paths and prefixes",
    proxy: "client",
    objects: matching(
      "{uri: {exact: /Exact}, ignoreUriCase: true}, {uri: {prefix: /Pre}, ignoreUriCase: true}",
    ),
    steps: [
      { ask: "GET solo/eXaCT", answer: { status: 200, app: "o" } },
      { ask: "GET solo/PREfix", answer: { status: 200, app: "o" } },
      { ask: "GET solo/exact2", answer: { status: 200, app: "s" } },
    ],
  },
  {
    name: "headers are matched exactly, by prefix, by regular expression and by presence",
    proxy: "client",
    objects: matching(
      '{headers: {x-a: {exact: one}}}, {headers: {x-b: {prefix: tw}}}, {headers: {x-c: {regex: "th[re]+"}}}, {headers: {x-d: {}}}',
    ),
    steps: [
      { ask: "GET solo/", headers: { "x-a": "one" }, answer: { status: 200, app: "o" } },
      { ask: "GET solo/", headers: { "x-a": "One" }, answer: { status: 200, app: "s" } },
      { ask: "GET solo/", headers: { "x-b": "two" }, answer: { status: 200, app: "o" } },
      { ask: "GET solo/", headers: { "x-c": "three" }, answer: { status: 200, app: "o" } },
      { ask: "GET solo/", headers: { "x-c": "three!" }, answer: { status: 200, app: "s" } },
      { ask: "GET solo/", headers: { "x-d": "" }, answer: { status: 200, app: "o" } },
      { ask: "GET solo/", headers: { "x-e": "" }, answer: { status: 200, app: "s" } },
    ],
  },
  {
    name: "of a header that comes twice each value is matched alone",
    proxy: "client",
    objects: matching('{headers: {x-a: {exact: "one,two"}}}, {headers: {x-b: {exact: two}}}'),
    steps: [
      { ask: "GET solo/", headers: { "x-a": "one,two" }, answer: { status: 200, app: "o" } },
      { ask: "GET solo/", headers: { "x-a": ["one", "two"] }, answer: { status: 200, app: "s" } },
      { ask: "GET solo/", headers: { "x-b": ["one", "two"] }, answer: { status: 200, app: "o" } },
    ],
  },
  {
    name: "withoutHeaders matches when the header is absent or another",
    proxy: "client",
    objects: matching("{withoutHeaders: {x-a: {exact: one}}}"),
    steps: [
      { ask: "GET solo/", answer: { status: 200, app: "o" } },
      { ask: "GET solo/", headers: { "x-a": "two" }, answer: { status: 200, app: "o" } },
      { ask: "GET solo/", headers: { "x-a": "one" }, answer: { status: 200, app: "s" } },
    ],
  },
  {
    name: "methods, authorities and schemes are matched",
    proxy: "client",
    objects: matching(
      "{method: {exact: PUT}}, {authority: {prefix: solo.shop.svc}}, {scheme: {exact: https}}",
    ),
    steps: [
      { ask: "PUT solo/", body: "x", answer: { status: 200, app: "o" } },
      { ask: "GET solo.shop.svc.cluster.local/", answer: { status: 200, app: "o" } },
      { ask: "GET solo/", headers: { "x-forwarded-proto": "https" }, answer: { status: 200, app: "o" } },
      { ask: "GET solo/", answer: { status: 200, app: "s" } },
    ],
  },
  {
    name: "query parameters are matched exactly, by prefix, by regular expression and by presence",
    proxy: "client",
    objects: matching(
      '{queryParams: {a: {exact: "1"}}}, {queryParams: {b: {regex: "\\\\d+"}}}, {queryParams: {c: {exact: ""}}}',
    ),
    steps: [
      { ask: "GET solo/?x=0&a=1", answer: { status: 200, app: "o" } },
      { ask: "GET solo/?a=11", answer: { status: 200, app: "s" } },
      { ask: "GET solo/?b=22", answer: { status: 200, app: "o" } },
      { ask: "GET solo/?b=2x", answer: { status: 200, app: "s" } },
      { ask: "GET solo/?a=%31", answer: { status: 200, app: "s" } },
      { ask: "GET solo/?a=1#f", answer: { status: 400, app: "" } },
    ],
  },
  {
    name: "the conditions of one match must all hold, one of several matches is enough",
    proxy: "client",
    objects: matching("{uri: {prefix: /a}, headers: {x-a: {exact: one}}}, {uri: {exact: /b}}"),
    steps: [
      { ask: "GET solo/a", headers: { "x-a": "one" }, answer: { status: 200, app: "o" } },
      { ask: "GET solo/a", answer: { status: 200, app: "s" } },
      { ask: "GET solo/b", answer: { status: 200, app: "o" } },
    ],
  },
  {
    name: "ports and labels of the caller are matched",
    proxy: "client",
    objects:
      matching("{port: 81}, {sourceLabels: {app: nobody}}, {sourceNamespace: vendor}") +
      virtualService(
        "other",
        `[{match: [{port: 80, sourceLabels: {app: client}, sourceNamespace: shop}], route: [{destination: {host: web, subset: v1}}]}, ${to("other")}]`,
      ) +
      destinationRule("web", webSubsets),
    steps: [
      { ask: "GET solo/", answer: { status: 200, app: "s" } },
      { ask: "GET other/", answer: { status: 200, app: "a" } },
    ],
  },
  {
    name: "the first route that fits wins, and a request that fits none gets 404",
    proxy: "client",
    objects: solo(
      `[{name: first, match: [{uri: {prefix: /a}}], route: [{destination: {host: solo}}]}, {name: second, match: [{uri: {prefix: /a/b}}], route: [{destination: {host: other}}]}]`,
    ),
    steps: [
      { ask: "GET solo/a/b", answer: { status: 200, app: "s", log: { route: "first" } } },
      {
        ask: "GET solo/c",
        answer: {
          status: 404,
          body: "",
          app: "",
          flags: "NR",
          headers: { server: "envoy", "x-envoy-upstream-service-time": null },
          log: { details: "route_not_found" },
        },
      },
    ],
  },
  {
    name: "HEAD gets the headers of GET and no body",
    proxy: "client",
    steps: [{ ask: "HEAD solo/", answer: { status: 200, body: "", app: "s", seen: { method: "HEAD" } } }],
  },
  {
    name: "subsets choose pods by their labels",
    proxy: "client",
    objects:
      destinationRule("web", webSubsets) +
      virtualService(
        "web",
        `[{match: [{headers: {x-version: {exact: v2}}}], route: [{destination: {host: web, subset: v2}}]}, {route: [{destination: {host: web, subset: v1}}]}]`,
      ),
    steps: [
      { ask: "GET web/", times: 3, answer: { status: 200, app: { a: 3 } } },
      {
        ask: "GET web/",
        headers: { "x-version": "v2" },
        answer: { status: 200, app: "b", log: { cluster: "outbound|80|v2|web.shop.svc.cluster.local" } },
      },
    ],
  },
  {
    name: "a subset that no rule defines gives 503 without an upstream",
    proxy: "client",
    objects: virtualService("web", "[{route: [{destination: {host: web, subset: v9}}]}]"),
    steps: [
      {
        ask: "GET web/",
        answer: { status: 503, body: "", app: "", flags: "NC", log: { details: "cluster_not_found" } },
      },
    ],
  },
  {
    name: "a subset that no pod fits gives 503, no healthy upstream",
    proxy: "client",
    objects:
      destinationRule("web", "subsets: [{name: v9, labels: {version: v9}}]") +
      virtualService("web", "[{route: [{destination: {host: web, subset: v9}}]}]"),
    steps: [
      {
        ask: "GET web/",
        answer: {
          status: 503,
          body: "no healthy upstream",
          app: "",
          flags: "UH",
          log: { details: "no_healthy_upstream" },
        },
      },
    ],
  },
  {
    name: "a service without pods gives 503, no healthy upstream",
    proxy: "client",
    steps: [
      { ask: "GET empty/", answer: { status: 503, body: "no healthy upstream", app: "", flags: "UH" } },
    ],
  },
  {
    name: "weights share requests between destinations, and 0 gets none",
    proxy: "client",
    objects:
      destinationRule("web", webSubsets) +
      virtualService(
        "web",
        "[{route: [{destination: {host: web, subset: v1}, weight: 80}, {destination: {host: web, subset: v2}, weight: 20}, {destination: {host: web, subset: v3}, weight: 0}]}]",
      ),
    steps: [
      {
        ask: "GET web/",
        times: 100,
        atOnce: true,
        answer: { status: 200, app: { a: [60, 95], b: [5, 40], c: 0 } },
      },
    ],
  },
  {
    name: "weighted destinations change headers of their own",
    proxy: "client",
    objects: virtualService(
      "solo",
      "[{route: [{destination: {host: solo}, weight: 100, headers: {request: {set: {x-to: solo}}, response: {add: {x-by: solo}}}}, {destination: {host: other}, weight: 0}]}]",
    ),
    steps: [
      {
        ask: "GET solo/",
        answer: { status: 200, headers: { "x-by": "solo" }, seen: { headers: { "x-to": "solo" } } },
      },
    ],
  },
  {
    name: "a route to a port that the service does not have gives 503",
    proxy: "client",
    objects: solo("[{route: [{destination: {host: solo, port: {number: 81}}}]}]"),
    steps: [{ ask: "GET solo/", answer: { status: 503, app: "", flags: "NC" } }],
  },
];
