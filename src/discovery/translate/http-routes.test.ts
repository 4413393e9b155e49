import { suite, test } from "vitest";
import { assertShows, shownHost } from "./test-support/as-json.ts";
import { proxyOf, service, snapshotOf } from "./test-support/make-world.ts";

const web = "web.sample.svc.cluster.local";
const api = "api.sample.svc.cluster.local";

/** The routes that a sidecar with label app=client has for "web" under these rules. */
const routesOf = (http: string, more = "") =>
  shownHost(
    snapshotOf(
      `${service("web")}${service("api")}${more}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: sample}
spec: {hosts: [web], http: [${http}]}
---
`,
      proxyOf({ labels: { app: "client" } }),
    ),
    "80",
    web,
  )?.["routes"];

const to = "route: [{destination: {host: web}}]";

suite("conditions", () => {
  const cases = [
    { rule: "uri: {exact: /a}", shows: { path: "/a", caseSensitive: true } },
    { rule: "uri: {prefix: /a}, ignoreUriCase: true", shows: { prefix: "/a", caseSensitive: false } },
    { rule: 'uri: {regex: "/a.*"}', shows: { safeRegex: { regex: "/a.*" } } },
    {
      rule: "method: {exact: GET}, authority: {prefix: web}, scheme: {exact: http}",
      shows: {
        headers: [
          { name: ":method", stringMatch: { exact: "GET" } },
          { name: ":authority", stringMatch: { prefix: "web" } },
          { name: ":scheme", stringMatch: { exact: "http" } },
        ],
      },
    },
    {
      rule: 'headers: {x-b: {regex: "v.*"}, x-a: {}}',
      shows: {
        headers: [
          { name: "x-a", presentMatch: true },
          { name: "x-b", stringMatch: { safeRegex: { regex: "v.*" } } },
        ],
      },
    },
    {
      rule: "withoutHeaders: {x-a: {}, x-b: {exact: v}}",
      shows: {
        headers: [
          { name: "x-a", presentMatch: true, invertMatch: true },
          {
            name: "x-b",
            stringMatch: { exact: "v" },
            invertMatch: true,
            treatMissingHeaderAsEmpty: true,
          },
        ],
      },
    },
    {
      rule: "queryParams: {q: {exact: v}, r: {}}",
      shows: {
        queryParameters: [
          { name: "q", stringMatch: { exact: "v" } },
          { name: "r", presentMatch: true },
        ],
      },
    },
  ];
  const claims = [
    { name: "@request.auth.claims.group", path: ["group"] },
    { name: "@request.auth.claims.group.id", path: ["group", "id"] },
    { name: "@request.auth.claims[example.com/group][id]", path: ["example.com/group", "id"] },
  ];
  test.for(claims)("$name is a claim of the request's token", ({ name, path }) => {
    const value = { stringMatch: { exact: "a" } };
    const condition = {
      filter: "envoy.filters.http.jwt_authn",
      path: ["payload", ...path].map((key) => ({ key })),
      value: { orMatch: { valueMatchers: [{ listMatch: { oneOf: value } }, value] } },
    };
    assertShows(
      routesOf(
        `{match: [{headers: {"${name}": {exact: a}, x: {}}, withoutHeaders: {"${name}": {exact: a}}}], ${to}}`,
      ),
      [{ match: { headers: [{ name: "x" }], dynamicMetadata: [condition, { ...condition, invert: true }] } }],
    );
  });

  test.for(cases)("$rule", ({ rule, shows }) => {
    assertShows(routesOf(`{match: [{${rule}}], ${to}}`), [{ match: shows }]);
  });

  const conditions = [
    { rule: "port: 80", holds: true },
    { rule: "port: 8080", holds: false },
    { rule: "sourceLabels: {app: client}", holds: true },
    { rule: "sourceLabels: {app: other}", holds: false },
    { rule: "sourceNamespace: sample", holds: true },
    { rule: "sourceNamespace: other", holds: false },
    { rule: "gateways: [mesh]", holds: true },
    { rule: "gateways: [edge]", holds: false },
  ];
  test.for(conditions)("$rule holds for this client: $holds", ({ rule, holds }) => {
    const routes = routesOf(
      `{name: first, match: [{uri: {prefix: /a}, ${rule}}], ${to}}, {name: last, ${to}}`,
    );
    assertShows(routes, holds ? [{ name: "first" }, { name: "last" }] : [{ name: "last" }]);
  });
});

suite("what a route does", () => {
  const mirror = (cluster: string, numerator: number, denominator?: string) => ({
    cluster: `outbound|80||${cluster}`,
    runtimeFraction: { defaultValue: { numerator, ...(denominator === undefined ? {} : { denominator }) } },
    traceSampled: false,
    disableShadowHostSuffixAppend: true,
  });
  const cases = [
    {
      rule: "redirect: {uri: /new, authority: a.example.com, port: 8443, scheme: https, redirectCode: 308}",
      shows: {
        redirect: {
          hostRedirect: "a.example.com",
          pathRedirect: "/new",
          portRedirect: 8443,
          schemeRedirect: "https",
          responseCode: "PERMANENT_REDIRECT",
        },
      },
    },
    {
      rule: "redirect: {authority: a.example.com, derivePort: FROM_REQUEST_PORT, scheme: https}",
      shows: { redirect: { hostRedirect: "a.example.com", portRedirect: 80 } },
    },
    {
      rule: "redirect: {authority: a.example.com, derivePort: FROM_REQUEST_PORT}",
      shows: { redirect: { hostRedirect: "a.example.com", pathRedirect: "" } },
    },
    {
      rule: "directResponse: {status: 418, body: {string: teapot}}",
      shows: { directResponse: { status: 418, body: { inlineString: "teapot" } } },
    },
    {
      rule: "directResponse: {status: 200, body: {bytes: aGVsbG8=}}",
      shows: { directResponse: { status: 200, body: { inlineBytes: "aGVsbG8=" } } },
    },
    {
      rule: `rewrite: {uri: /v2, authority: b.example.com}, ${to}`,
      shows: { route: { prefixRewrite: "/v2", hostRewriteLiteral: "b.example.com" } },
    },
    {
      rule: `rewrite: {uriRegexRewrite: {match: "^/a/(.*)$", rewrite: '/\\1'}}, ${to}`,
      shows: { route: { regexRewrite: { pattern: { regex: "^/a/(.*)$" }, substitution: "/\\1" } } },
    },
    {
      rule: `timeout: 5s, retries: {attempts: 3, perTryTimeout: 2s, retryOn: "5xx,503", backoff: 30ms, retryRemoteLocalities: true, retryIgnorePreviousHosts: false}, ${to}`,
      shows: {
        route: {
          timeout: "5s",
          maxGrpcTimeout: "5s",
          retryPolicy: {
            numRetries: 3,
            perTryTimeout: "2s",
            retryOn: "5xx,retriable-status-codes",
            retriableStatusCodes: [503],
            retryBackOff: { baseInterval: "0.030s" },
            retryPriority: { name: "envoy.retry_priorities.previous_priorities" },
            retryHostPredicate: undefined,
          },
        },
      },
    },
    { rule: `retries: {attempts: 0}, ${to}`, shows: { route: { timeout: "0s", retryPolicy: undefined } } },
    {
      rule: `mirror: {host: api}, mirrorPercentage: {value: 12.5}, ${to}`,
      shows: { route: { requestMirrorPolicies: [mirror(api, 125_000, "MILLION")] } },
    },
    {
      rule: `mirror: {host: api}, mirrorPercent: 20, ${to}`,
      shows: { route: { requestMirrorPolicies: [mirror(api, 20)] } },
    },
    {
      rule: `mirror: {host: api}, mirrorPercentage: {value: 0}, ${to}`,
      shows: { route: { requestMirrorPolicies: undefined } },
    },
    {
      rule: `mirrors: [{destination: {host: api}}, {destination: {host: web}, percentage: {value: 1}}, {destination: {host: web}, percentage: {value: 0}}], ${to}`,
      shows: { route: { requestMirrorPolicies: [mirror(api, 100), mirror(web, 10_000, "MILLION")] } },
    },
    {
      rule: `fault: {delay: {percentage: {value: 0.1}, fixedDelay: 7s}, abort: {percentage: {value: 50}, grpcStatus: UNAVAILABLE}}, ${to}`,
      shows: {
        typedPerFilterConfig: {
          "envoy.filters.http.fault": {
            delay: { fixedDelay: "7s", percentage: { numerator: 1000, denominator: "MILLION" } },
            abort: { grpcStatus: 14, percentage: { numerator: 500_000, denominator: "MILLION" } },
          },
        },
      },
    },
    {
      rule: `corsPolicy: {allowOrigins: [{exact: "https://a"}, {regex: ".*b"}], allowMethods: [GET, PUT], allowHeaders: [x, z], exposeHeaders: [e], maxAge: 24h, allowCredentials: true, unmatchedPreflights: IGNORE}, ${to}`,
      shows: {
        typedPerFilterConfig: {
          "envoy.filters.http.cors": {
            allowOriginStringMatch: [{ exact: "https://a" }, { safeRegex: { regex: ".*b" } }],
            allowMethods: "GET,PUT",
            allowHeaders: "x,z",
            exposeHeaders: "e",
            maxAge: "86400",
            allowCredentials: true,
            forwardNotMatchingPreflights: false,
          },
        },
      },
    },
  ];
  test.for(cases)("$rule", ({ rule, shows }) => {
    assertShows(routesOf(`{${rule}}`), [shows]);
  });

  test("headers are changed by the route, then by its only destination", () => {
    const operations = (name: string) =>
      `{request: {set: {s-${name}: v, ":authority": ${name}.example.com}, add: {a-${name}: v}, remove: [r-${name}]}, response: {remove: [q-${name}]}}`;
    assertShows(
      routesOf(
        `{headers: ${operations("1")}, route: [{destination: {host: web}, headers: ${operations("2")}}]}`,
      ),
      [
        {
          requestHeadersToAdd: [
            { header: { key: "s-1" }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" },
            { header: { key: "a-1" } },
            { header: { key: "s-2" }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" },
            { header: { key: "a-2" } },
          ],
          requestHeadersToRemove: ["r-1", "r-2"],
          responseHeadersToRemove: ["q-1", "q-2"],
          route: { hostRewriteLiteral: "1.example.com" },
        },
      ],
    );
  });

  test("one of several destinations changes headers for its own share alone, and without a weight gets none", () => {
    assertShows(
      routesOf(
        "{route: [{destination: {host: web, subset: v1}, weight: 30, headers: {request: {set: {x: v, host: a.example.com}}}}, {destination: {host: api}, weight: 70}, {destination: {host: web}, weight: 0}]}",
      ),
      [
        {
          requestHeadersToAdd: undefined,
          route: {
            weightedClusters: {
              clusters: [
                {
                  name: `outbound|80|v1|${web}`,
                  weight: 30,
                  requestHeadersToAdd: [{ header: { key: "x" } }],
                  hostRewriteLiteral: "a.example.com",
                },
                { name: `outbound|80||${api}`, weight: 70 },
              ],
            },
          },
        },
      ],
    );
  });

  const hashes = [
    { policy: "httpHeaderName: x-user", shows: { header: { headerName: "x-user" } } },
    { policy: "useSourceIp: true", shows: { connectionProperties: { sourceIp: true } } },
    { policy: "httpQueryParameterName: user", shows: { queryParameter: { name: "user" } } },
    {
      policy: "httpCookie: {name: user, path: /, ttl: 60s, attributes: [{name: SameSite, value: Lax}]}",
      shows: {
        cookie: { name: "user", path: "/", ttl: "60s", attributes: [{ name: "SameSite", value: "Lax" }] },
      },
    },
  ];
  test.for(hashes)(
    "requests are hashed by $policy, and tried again on the same host",
    ({ policy, shows }) => {
      const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: sample}
spec: {host: web, trafficPolicy: {loadBalancer: {consistentHash: {${policy}}}}}
---
`;
      assertShows(routesOf(`{${to}}`, rule), [
        { route: { hashPolicy: [shows], retryPolicy: { retryHostPredicate: undefined } } },
      ]);
    },
  );
});

test("a VirtualService for the very wildcard of a service has its requests", () => {
  const snapshot = snapshotOf(`${service("api")}
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: wild, namespace: sample}
spec: {hosts: ["*.example.com"], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: wild, namespace: sample}
spec: {hosts: ["*.example.com"], http: [{route: [{destination: {host: api}}]}]}
`);
  assertShows(shownHost(snapshot, "80", "*.example.com"), {
    routes: [{ route: { cluster: `outbound|80||${api}` } }],
  });
});
