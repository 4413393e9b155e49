import assert from "node:assert/strict";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../base/index.ts";
import { typeUrls } from "../xds/index.ts";
import { cluster, type GatewayOptions, gateway, type } from "./testing/gateway.ts";
import { encodeResource } from "./testing/golden.ts";
import { exchange, type RawResponse } from "./testing/http.ts";
import { bodyOf, createTestMesh, hello, type TestMesh } from "./testing/mesh.ts";
import type { RunningProxy } from "./testing/world.ts";

suite("a gateway", () => {
  let mesh: TestMesh;
  beforeEach(() => {
    mesh = createTestMesh();
  });
  afterEach(() => mesh.stop());

  async function start(options: GatewayOptions): Promise<RunningProxy> {
    return mesh.addProxy("gateway", gateway(options), {
      address: "127.0.0.1",
      serviceAccount: "gw",
      namespace: "istio-system",
    });
  }

  /** A client's connection to the gateway's port. */
  function open(): Promise<import("node:net").Socket> {
    return mesh.open("127.0.0.1", 80);
  }

  async function ask(path: string, headers = "", host = "shop.example.com"): Promise<RawResponse> {
    const socket = await open();
    const answer = await exchange(socket, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`);
    socket.destroy();
    return answer;
  }

  test("routes by path, header and query, first match first", async () => {
    await start({
      routes: [
        { match: { path: "/exact" }, directResponse: { status: 200, body: { inlineString: "exact" } } },
        {
          match: { pathSeparatedPrefix: "/api" },
          directResponse: { status: 200, body: { inlineString: "separated" } },
        },
        {
          match: { safeRegex: { regex: "/items/[0-9]+" } },
          directResponse: { status: 200, body: { inlineString: "regex" } },
        },
        {
          match: { prefix: "/", headers: [{ name: "x-user", stringMatch: { exact: "jason" } }] },
          directResponse: { status: 200, body: { inlineString: "header" } },
        },
        {
          match: { prefix: "/", queryParameters: [{ name: "v", stringMatch: { prefix: "2" } }] },
          directResponse: { status: 200, body: { inlineString: "query" } },
        },
        {
          match: { prefix: "/UPPER", caseSensitive: false },
          directResponse: { status: 200, body: { inlineString: "folded" } },
        },
      ],
    });
    const cases: [path: string, headers: string, body: string][] = [
      ["/exact", "", "exact"],
      ["/exact?x=1", "", "exact"],
      ["/api", "", "separated"],
      ["/api/x", "", "separated"],
      ["/apis", "X-User: jason\r\n", "header"],
      ["/items/12", "", "regex"],
      ["/items/12/x", "X-User: jason\r\n", "header"],
      ["/other?v=21", "", "query"],
      ["/upper/x", "", "folded"],
    ];
    for (const [path, headers, body] of cases) assert.equal((await ask(path, headers)).body, body, path);
    const missing = await ask("/nothing");
    assert.deepEqual([missing.status, missing.body], [404, ""]);
  });

  test("chooses the virtual host by the most specific domain", async () => {
    const host = (name: string, domains: string[]) => ({
      name,
      domains,
      routes: [{ match: { prefix: "/" }, directResponse: { status: 200, body: { inlineString: name } } }],
    });
    await start({
      virtualHosts: [
        host("exact", ["shop.example.com"]),
        host("suffix", ["*.example.com"]),
        host("longer", ["*.eu.example.com"]),
        host("prefix", ["shop.*"]),
        host("any", ["*"]),
      ],
    });
    const cases = {
      "shop.example.com": "exact",
      "SHOP.example.COM": "exact",
      "a.example.com": "suffix",
      "a.eu.example.com": "longer",
      "shop.org": "prefix",
      "x.org": "any",
    };
    for (const [name, wanted] of Object.entries(cases))
      assert.equal((await ask("/", "", name)).body, wanted, name);
  });

  test("rewrites, redirects and changes headers", async () => {
    const claim = {
      filter: "envoy.filters.http.jwt_authn",
      path: [{ key: "payload" }],
      value: { presentMatch: true },
    };
    await mesh.app("10.0.0.1", 8080, (request, response) =>
      response.end(JSON.stringify({ url: request.url, headers: request.headers })),
    );
    await start({
      routes: [
        { match: { prefix: "/s0" }, route: { cluster: "app", prefixRewrite: "/" } },
        {
          match: { prefix: "/re/" },
          route: {
            cluster: "app",
            regexRewrite: { pattern: { regex: "^/re/([a-z]+)/(.*)$" }, substitution: "/\\2/\\1" },
            hostRewriteLiteral: "inner",
          },
        },
        { match: { prefix: "/old" }, redirect: { prefixRewrite: "/new", responseCode: "FOUND" } },
        { match: { prefix: "/secure" }, redirect: { httpsRedirect: true } },
        { match: { prefix: "/moved" }, redirect: { hostRedirect: "b.example.com", pathRedirect: "" } },
        { match: { prefix: "/claim", dynamicMetadata: [claim] }, directResponse: { status: 500 } },
        {
          match: { prefix: "/claim", dynamicMetadata: [{ ...claim, invert: true }] },
          directResponse: { status: 418 },
        },
        {
          match: { prefix: "/headers" },
          route: { cluster: "app" },
          requestHeadersToAdd: [
            {
              header: { key: "x-from", value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" },
              appendAction: "OVERWRITE_IF_EXISTS_OR_ADD",
            },
          ],
          requestHeadersToRemove: ["x-secret"],
          responseHeadersToAdd: [{ header: { key: "x-answer", value: "yes" } }],
        },
      ],
    });
    assert.equal(JSON.parse((await ask("/s0/a?b=1")).body).url, "//a?b=1");
    const rewritten = JSON.parse((await ask("/re/abc/x/y?q")).body);
    assert.deepEqual([rewritten.url, rewritten.headers.host], ["/x/y/abc?q", "inner"]);
    const moved = await ask("/old/page?x=1");
    assert.deepEqual(
      [moved.status, moved.headers.get("location")],
      [302, "http://shop.example.com/new/page?x=1"],
    );
    assert.equal((await ask("/secure")).headers.get("location"), "https://shop.example.com/secure");
    const elsewhere = (await ask("/moved/page?x=1")).headers.get("location");
    assert.equal(elsewhere, "http://b.example.com/moved/page?x=1");
    assert.equal((await ask("/claim")).status, 418, "a token's claims are not there");
    const changed = await ask("/headers", "X-Secret: 1\r\nX-From: lie\r\n");
    const { headers } = JSON.parse(changed.body);
    assert.deepEqual(
      [headers["x-from"], headers["x-secret"], headers["x-forwarded-for"]],
      ["127.0.0.1", undefined, "127.0.0.1"],
    );
    assert.equal(changed.headers.get("x-answer"), "yes");
  });

  test("injects faults, for whom the route says", async () => {
    await mesh.app("10.0.0.1", 8080, hello("v1"));
    const fault = (rules: JsonObject) => ({
      "envoy.filters.http.fault": { "@type": type("filters.http.fault.v3.HTTPFault"), ...rules },
    });
    await start({
      routes: [
        {
          match: { prefix: "/abort" },
          route: { cluster: "app" },
          typedPerFilterConfig: fault({ abort: { httpStatus: 555, percentage: { numerator: 100 } } }),
        },
        {
          match: { prefix: "/delay" },
          route: { cluster: "app" },
          typedPerFilterConfig: fault({ delay: { fixedDelay: "0.080s", percentage: { numerator: 100 } } }),
        },
        {
          match: { prefix: "/half" },
          route: { cluster: "app" },
          typedPerFilterConfig: fault({ abort: { httpStatus: 500, percentage: { numerator: 50 } } }),
        },
      ],
    });
    const aborted = await ask("/abort");
    assert.deepEqual([aborted.status, aborted.body], [555, "fault filter abort"]);
    const begun = performance.now();
    assert.equal((await ask("/delay")).status, 200);
    assert.ok(performance.now() - begun >= 75);
    let failed = 0;
    for (let i = 0; i < 200; i++) if ((await ask("/half")).status === 500) failed++;
    assert.ok(failed > 65 && failed < 135, `${failed} of 200`);
  });

  test("retries on status codes, with the body, on another host", async () => {
    let tries = 0;
    const bodies: string[] = [];
    const answer = async (
      request: import("node:http").IncomingMessage,
      response: import("node:http").ServerResponse,
    ) => {
      bodies.push(await bodyOf(request));
      response.statusCode = ++tries < 3 ? 503 : 200;
      response.end(`try ${request.headers["x-envoy-attempt-count"]}`);
    };
    await mesh.app("10.0.0.1", 8080, answer);
    await start({
      virtualHosts: [
        {
          name: "all",
          domains: ["*"],
          includeRequestAttemptCount: true,
          routes: [
            {
              match: { prefix: "/" },
              route: {
                cluster: "app",
                retryPolicy: {
                  retryOn: "retriable-status-codes",
                  retriableStatusCodes: [503],
                  numRetries: 3,
                  retryBackOff: { baseInterval: "0.001s" },
                },
              },
            },
          ],
        },
      ],
    });
    const socket = await open();
    const done = await exchange(socket, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    assert.deepEqual([done.status, done.body], [200, "try 3"]);
    assert.deepEqual(bodies, ["body", "body", "body"]);
    socket.destroy();
  });

  test("retries only as many requests at once as the cluster's retry budget allows", async () => {
    let finishRetry: (() => void) | undefined;
    await mesh.app("10.0.0.1", 8080, (request, response) => {
      response.statusCode = 503;
      if (request.headers["x-envoy-attempt-count"] === "1") response.end("no");
      else {
        finishRetry = () => {
          response.statusCode = 200;
          response.end("yes");
        };
      }
    });
    const retryPolicy = { retryOn: "5xx", numRetries: 1, retryBackOff: { baseInterval: "0.001s" } };
    const retryBudget = { budgetPercent: { value: 0 }, minRetryConcurrency: 1 };
    await start({
      clusters: [
        cluster("app", ["10.0.0.1"], { circuitBreakers: { thresholds: [{ maxRetries: 100, retryBudget }] } }),
      ],
      virtualHosts: [
        {
          name: "all",
          domains: ["*"],
          includeRequestAttemptCount: true,
          routes: [{ match: { prefix: "/" }, route: { cluster: "app", timeout: "0s", retryPolicy } }],
        },
      ],
    });
    const first = ask("/");
    const finish = await waitFor(() => finishRetry, { signal: AbortSignal.timeout(30_000) });
    assert.equal((await ask("/")).status, 503, "the other's retry is all that may run");
    finish();
    assert.equal((await first).status, 200);
    finishRetry = undefined;
    const last = ask("/");
    (await waitFor(() => finishRetry, { signal: AbortSignal.timeout(30_000) }))();
    assert.equal((await last).status, 200);
  });

  test("keeps the route's time limit", async () => {
    await mesh.app("10.0.0.1", 8080, () => {});
    await start({
      routes: [
        {
          match: { prefix: "/each" },
          route: {
            cluster: "app",
            timeout: "5s",
            retryPolicy: { retryOn: "5xx", numRetries: 1, perTryTimeout: "0.030s" },
          },
        },
        { match: { prefix: "/" }, route: { cluster: "app", timeout: "0.050s" } },
      ],
    });
    const answer = await ask("/");
    assert.deepEqual([answer.status, answer.body], [504, "upstream request timeout"]);
    assert.equal((await ask("/each")).status, 504);
    assert.equal(mesh.dialled.get("10.0.0.1:8080"), 3, "one for the first request, two tries for the second");
  });

  const mirrorings = [
    { policy: {}, host: "a-shadow:80" },
    { policy: { disableShadowHostSuffixAppend: true }, host: "a:80" },
  ];
  test.for(mirrorings)(
    "mirrors requests as $host and answers with the original",
    async ({ policy, host }) => {
      const seen: string[] = [];
      await mesh.app("10.0.0.1", 8080, hello("v1"));
      await mesh.app("10.0.0.2", 8080, async (request, response) => {
        seen.push(`${request.headers.host} ${await bodyOf(request)}`);
        response.end("ignored");
      });
      await start({
        clusters: [cluster("app", ["10.0.0.1"]), cluster("copy", ["10.0.0.2"])],
        routes: [
          {
            match: { prefix: "/" },
            route: { cluster: "app", requestMirrorPolicies: [{ cluster: "copy", ...policy }] },
          },
        ],
      });
      const socket = await open();
      const answer = await exchange(socket, "POST / HTTP/1.1\r\nHost: a:80\r\nContent-Length: 4\r\n\r\nbody");
      assert.equal(answer.body, "Hello version: v1\n");
      await waitFor(() => (seen.length > 0 ? true : undefined), { signal: AbortSignal.timeout(30_000) });
      assert.deepEqual(seen, [`${host} body`]);
      socket.destroy();
    },
  );

  test("only counts what rules of a dry run say, beside what others decide", async () => {
    await mesh.app("10.0.0.1", 8080, hello("app"));
    const policies = (path: string) => ({
      [path]: {
        permissions: [{ urlPath: { path: { exact: path } } }],
        principals: [{ any: true }],
      },
    });
    const { proxy } = await start({
      httpFilters: [
        {
          name: "envoy.filters.http.rbac",
          typedConfig: {
            "@type": type("filters.http.rbac.v3.RBAC"),
            rules: { action: "DENY", policies: policies("/closed") },
            shadowRules: { action: "DENY", policies: policies("/tried") },
            shadowRulesStatPrefix: "istio_dry_run_deny_",
          },
        },
      ],
    });
    const statuses = [];
    for (const path of ["/open", "/tried", "/tried", "/closed"]) statuses.push((await ask(path)).status);
    assert.deepEqual(statuses, [200, 200, 200, 403]);
    const { body } = proxy.admin("/stats", new URLSearchParams("filter=rbac"), "GET");
    assert.deepEqual(
      body.split("\n").map((line) => line.replace(/^http\..*\.rbac\./, "")),
      [
        "allowed: 3",
        "denied: 1",
        "istio_dry_run_deny_shadow_allowed: 2",
        "istio_dry_run_deny_shadow_denied: 2",
        "",
      ],
    );
    const page = proxy.admin("/stats/prometheus", new URLSearchParams(), "GET").body;
    assert.match(page, /^envoy_http_rbac_istio_dry_run_deny_shadow_denied\{.*\} 2$/m);
  });

  test("answers CORS preflights and marks answers", async () => {
    await mesh.app("10.0.0.1", 8080, hello("v1"));
    await start({
      routes: [
        {
          match: { prefix: "/" },
          route: { cluster: "app" },
          typedPerFilterConfig: {
            "envoy.filters.http.cors": {
              "@type": type("filters.http.cors.v3.CorsPolicy"),
              allowOriginStringMatch: [{ suffix: ".example.com" }],
              allowMethods: "GET,PUT",
              maxAge: "60",
              filterEnabled: { defaultValue: { numerator: 100 } },
            },
          },
        },
      ],
    });
    const socket = await open();
    const preflight = await exchange(
      socket,
      "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: http://x.example.com\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
    );
    assert.deepEqual(
      [
        preflight.status,
        preflight.headers.get("access-control-allow-methods"),
        preflight.headers.get("access-control-max-age"),
      ],
      [200, "GET,PUT", "60"],
    );
    const plain = await exchange(socket, "GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://x.example.com\r\n\r\n");
    assert.equal(plain.headers.get("access-control-allow-origin"), "http://x.example.com");
    const foreign = await exchange(socket, "GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://evil.org\r\n\r\n");
    assert.equal(foreign.headers.get("access-control-allow-origin"), undefined);
    socket.destroy();
  });

  test("sends the same session to the same host", async () => {
    for (const n of [1, 2, 3, 4])
      await mesh.app(`10.0.0.${n}`, 8080, (_request, response) => response.end(String(n)));
    const addresses = [1, 2, 3, 4].map((n) => `10.0.0.${n}`);
    await start({
      clusters: [
        cluster("ring", addresses, { lbPolicy: "RING_HASH" }),
        cluster("maglev", addresses, { lbPolicy: "MAGLEV", maglevLbConfig: { tableSize: 251 } }),
      ],
      routes: ["ring", "maglev"].map((name) => ({
        match: { prefix: `/${name}` },
        route: { cluster: name, hashPolicy: [{ header: { headerName: "x-session" } }] },
      })),
    });
    for (const name of ["ring", "maglev"]) {
      const hosts = new Set<string>();
      for (let session = 0; session < 40; session++) {
        const first = (await ask(`/${name}`, `X-Session: ${session}\r\n`)).body;
        assert.equal((await ask(`/${name}`, `X-Session: ${session}\r\n`)).body, first);
        hosts.add(first);
      }
      assert.equal(hosts.size, 4, `${name} uses every host`);
    }
  });

  test("resolves names of DNS clusters", async () => {
    await mesh.app("10.0.0.1", 8080, hello("v1"));
    await start({
      clusters: [
        cluster("app", ["10.0.0.1"], { type: "STRICT_DNS" }),
        cluster("name", ["db.example.com"], { type: "LOGICAL_DNS" }),
      ],
    });
    assert.equal((await ask("/")).status, 200);
  });

  test("keeps the circuit breakers", async () => {
    const waiting: (() => void)[] = [];
    await mesh.app("10.0.0.1", 8080, (_request, response) => waiting.push(() => response.end("ok")));
    await start({
      clusters: [cluster("app", ["10.0.0.1"], { circuitBreakers: { thresholds: [{ maxRequests: 1 }] } })],
    });
    const first = ask("/");
    await waitFor(() => (waiting.length === 1 ? true : undefined), { signal: AbortSignal.timeout(30_000) });
    const second = await ask("/");
    assert.deepEqual([second.status, second.headers.get("x-envoy-overloaded")], [503, "true"]);
    assert.equal(
      second.body,
      "upstream connect error or disconnect/reset before headers. reset reason: overflow",
    );
    waiting[0]?.();
    assert.equal((await first).status, 200);
  });

  test("writes the access log in Istio's format and as JSON", async () => {
    await mesh.app("10.0.0.1", 8080, hello("v1"));
    const text =
      '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n';
    const file = (format: JsonObject) => ({
      name: "envoy.access_loggers.file",
      typedConfig: { "@type": type("access_loggers.file.v3.FileAccessLog"), path: "/dev/stdout", ...format },
    });
    const running = await start({
      routes: [{ name: "main", match: { prefix: "/" }, route: { cluster: "app" } }],
      hcm: {
        accessLog: [
          file({ logFormat: { textFormatSource: { inlineString: text } } }),
          file({
            logFormat: {
              jsonFormat: {
                code: "%RESPONSE_CODE%",
                path: "%REQ(:PATH)%",
                start: "%START_TIME(%Y-%m-%d)%",
                none: "%REQ(X-NONE)%",
              },
            },
          }),
        ],
      },
    });
    await ask("/a?b", "User-Agent: test\r\nX-Request-Id: id-1\r\n");
    const [line, json] = running.logs;
    assert.match(
      line ?? "",
      /^\[20..-..-..T..:..:......Z\] "GET \/a\?b HTTP\/1.1" 200 - via_upstream - "-" 0 18 \d+ \d+ "127.0.0.1" "test" "[0-9a-f-]{36}" "shop.example.com" "10.0.0.1:8080" app [0-9.]+:\d+ 127.0.0.1:80 127.0.0.1:\d+ - main$/,
    );
    assert.deepEqual(Object.keys(JSON.parse(json ?? "{}")), ["code", "none", "path", "start"]);
    assert.deepEqual(
      { ...JSON.parse(json ?? "{}"), start: "" },
      { code: 200, none: null, path: "/a?b", start: "" },
    );
  });

  test("a listener that changes closes its connections politely", async () => {
    await mesh.app("10.0.0.1", 8080, hello("v1"));
    const running = await start({});
    const socket = await open();
    const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert.equal((await exchange(socket, get)).headers.get("connection"), undefined);
    const changed = gateway({ hcm: { serverName: "istio-envoy" } }).listener[0] ?? {};
    running.discovery.set(typeUrls.listener, "0.0.0.0_80", encodeResource("listener", changed));
    const fresh = await waitFor(
      async () => {
        const answer = await ask("/");
        return answer.headers.get("server") === "istio-envoy" ? answer : undefined;
      },
      { signal: AbortSignal.timeout(30_000) },
    );
    assert.equal(fresh.status, 200);
    const last = await exchange(socket, get);
    assert.deepEqual([last.status, last.headers.get("connection")], [200, "close"]);
  });
});
