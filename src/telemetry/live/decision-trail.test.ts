import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { Pod, Service } from "../../kube/index.ts";
import { type AccessEntry, accessEntry } from "./access-entry.ts";
import { joinRequests } from "./join-requests.ts";
import { liveRequest } from "./live-request.ts";
import { placesIn } from "./places.ts";

const pod = (name: string, podIP: string) =>
  ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "sample" },
    spec: { containers: [] },
    status: { podIP },
  }) as Pod;
const gateway = (name: string, ip: string) =>
  ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "istio-system" },
    spec: {},
    status: { loadBalancer: { ingress: [{ ip }] } },
  }) as Service;

/** Two clusters on networks of their own, in which the same pod address means different pods. */
const find = placesIn([
  {
    name: "fra",
    network: "n1",
    pods: [pod("curl-1", "10.0.0.5"), pod("hello-v1-1", "10.0.0.9")],
    services: [gateway("istio-ingressgateway", "203.0.113.1")],
  },
  {
    name: "ash",
    network: "n2",
    pods: [pod("hello-v2-1", "10.0.0.9"), pod("eastwest-1", "10.0.0.3")],
    services: [gateway("istio-eastwestgateway", "203.0.113.7")],
  },
]);

interface Fields {
  readonly at?: number;
  readonly duration?: number;
  readonly id?: string;
  readonly code?: number;
  readonly flags?: string;
  readonly details?: string;
  readonly failure?: string;
  readonly host?: string;
  readonly upstream?: string;
  readonly cluster?: string;
  readonly from?: string;
  readonly sni?: string;
  readonly route?: string;
}

function entry(cluster: string, name: string, fields: Fields): AccessEntry {
  const {
    at = 0,
    duration = 5,
    id = "id-1",
    code = 200,
    flags = "-",
    details = "via_upstream",
    failure = "-",
  } = fields;
  const {
    host = "hello.sample:5000",
    upstream = "-",
    cluster: upstreamCluster = "-",
    from = "10.0.0.5:40000",
    sni = "-",
    route = "default",
  } = fields;
  const start = new Date(Date.UTC(2026, 10, 21, 16, 40) + at).toISOString();
  const text = `[${start}] "GET /hello HTTP/1.1" ${code} ${flags} ${details} - "${failure}" 0 60 ${duration} - "-" "curl/8" "${id}" "${host}" "${upstream}" ${upstreamCluster} - 10.96.0.1:5000 ${from} ${sni} ${route}`;
  const found = accessEntry({
    cluster,
    namespace: "sample",
    pod: name,
    container: "istio-proxy",
    at: 0,
    text,
  });
  assert.ok(found, text);
  return found;
}

const outbound = "outbound|5000|v2|hello.sample.svc.cluster.local";
const sni = "outbound_.5000_.v2_.hello.sample.svc.cluster.local";
const inbound = "inbound|5000||";

/** Every step as "CLUSTER POD text", problems with an exclamation mark. */
function trailsOf(...entries: AccessEntry[]): string[][] {
  return joinRequests(entries).map((request) =>
    liveRequest(request, find).trail.map(
      ({ cluster, by, text, isProblem }) =>
        `${cluster} ${by.replace(".sample", "")} ${text}${isProblem ? " !" : ""}`,
    ),
  );
}

suite("the decisions about a request", () => {
  test("are told from the caller over the gateway of the other network to the pod that answers", () => {
    const caller = entry("fra", "curl-1", { duration: 7, upstream: "203.0.113.7:15443", cluster: outbound });
    const callee = entry("ash", "hello-v2-1", {
      at: 2,
      duration: 3,
      cluster: inbound,
      from: "10.0.0.3:33333",
      sni,
      upstream: "10.0.0.9:5000",
    });
    assert.deepEqual(trailsOf(callee, caller), [
      [
        "fra curl-1 asks for GET hello.sample:5000/hello",
        "fra curl-1 the service's own route leads to hello.sample.svc.cluster.local:5000, subset v2",
        "fra curl-1 takes the endpoint 203.0.113.7:15443, the gateway istio-eastwestgateway of ash",
        "ash hello-v2-1 gets it over mutual TLS from pod eastwest-1.sample",
        "ash hello-v2-1 its app answers 200 after 3 ms",
        "fra curl-1 gets 200 after 7 ms",
      ],
    ]);
  });

  test("an address means the pod of the own network", () => {
    const toOwn = entry("fra", "curl-1", { upstream: "10.0.0.9:5000", cluster: outbound });
    assert.match(
      trailsOf(toOwn)[0]?.[2] ?? "",
      /takes the endpoint 10\.0\.0\.9:5000, pod hello-v1-1\.sample$/,
    );
  });

  test("name what kept a request from an answer", () => {
    const table: readonly [Fields, RegExp][] = [
      [
        { code: 503, flags: "UH", cluster: outbound, details: "no_healthy_upstream" },
        /curl-1 finds no healthy endpoint !/,
      ],
      [
        {
          code: 503,
          flags: "UF,URX",
          cluster: outbound,
          upstream: "10.0.0.9:5000",
          failure: "delayed connect error: 111",
        },
        /gets 503 after 5 ms: the connection to the host failed, .*delayed connect error: 111 !/,
      ],
      [{ code: 404, flags: "NR", details: "route_not_found", route: "-" }, /has no route for it !/],
      [
        { code: 503, flags: "NC", cluster: outbound, details: "cluster_not_found" },
        /leads to a subset or service that does not exist !/,
      ],
      [{ code: 502, cluster: "BlackHoleCluster" }, /lets only known ones out .*REGISTRY_ONLY.* !/],
      [
        { code: 200, cluster: "PassthroughCluster", upstream: "192.0.2.1:80" },
        /passes it on as it is.*ALLOW_ANY/,
      ],
      [
        { code: 418, flags: "FI", details: "fault_filter_abort", cluster: outbound },
        /fails it on purpose \(fault\) !/,
      ],
      [{ code: 301, details: "direct_response" }, /answers by itself/],
      [
        { code: 200, flags: "DI", cluster: outbound, upstream: "10.0.0.9:5000" },
        /after a delay on purpose \(fault\)/,
      ],
      [
        { code: 0, flags: "DC", cluster: outbound, upstream: "10.0.0.9:5000" },
        /gets no answer after 5 ms: the client went away !/,
      ],
    ];
    for (const [fields, wanted] of table)
      assert.match(trailsOf(entry("fra", "curl-1", fields))[0]?.join("\n") ?? "", wanted);
  });

  test("name who did not let it in", () => {
    const caller = entry("fra", "curl-1", { code: 403, upstream: "10.0.0.9:5000", cluster: outbound });
    const denied = (details: string) =>
      trailsOf(
        caller,
        entry("fra", "hello-v1-1", { at: 1, duration: 0, code: 403, cluster: inbound, sni, details }),
      )[0]?.join("\n") ?? "";
    assert.match(
      denied("rbac_access_denied_matched_policy[none]"),
      /hello-v1-1 lets it not in: no AuthorizationPolicy allows it !/,
    );
    assert.match(
      denied("rbac_access_denied_matched_policy[ns[sample]-policy[deny-all]-rule[0]]"),
      /AuthorizationPolicy sample\/deny-all, rule 0, denies it !/,
    );
    assert.match(denied("jwt_authn_access_denied{Jwt_is_missing}"), /its token is not valid !/);
  });

  test("of a caller without a proxy begin where its request came in", () => {
    assert.deepEqual(
      trailsOf(
        entry("fra", "hello-v1-1", { cluster: inbound, from: "198.51.100.4:1", upstream: "10.0.0.9:5000" }),
      ),
      [
        [
          "fra hello-v1-1 gets GET hello.sample:5000/hello as plain text from 198.51.100.4:1",
          "fra hello-v1-1 its app answers 200 after 5 ms",
        ],
      ],
    );
  });
});

suite("joinRequests()", () => {
  const names = (...entries: AccessEntry[]) =>
    joinRequests(entries).map(({ caller, callees }) => [caller?.pod, ...callees.map((callee) => callee.pod)]);

  test("keeps the calls of a chain with one id apart, each with who answered it", () => {
    const toReviews = entry("fra", "page-1", {
      at: 10,
      duration: 50,
      cluster: "outbound|80||reviews.sample.svc.cluster.local",
      upstream: "10.0.0.8:80",
    });
    const reviews = entry("fra", "reviews-1", {
      at: 12,
      duration: 40,
      cluster: inbound,
      sni: "outbound_.80_._.reviews.sample.svc.cluster.local",
    });
    const toRatings = entry("fra", "reviews-1", {
      at: 20,
      duration: 20,
      cluster: "outbound|80||ratings.sample.svc.cluster.local",
      upstream: "10.0.0.7:80",
    });
    const ratings = entry("fra", "ratings-1", {
      at: 22,
      duration: 10,
      cluster: inbound,
      sni: "outbound_.80_._.ratings.sample.svc.cluster.local",
    });
    assert.deepEqual(names(ratings, reviews, toReviews, toRatings), [
      ["reviews-1", "ratings-1"],
      ["page-1", "reviews-1"],
    ]);
  });

  test("gives one request with retries all who got it, and leaves out connections that are passed on", () => {
    const caller = entry("fra", "curl-1", { duration: 30, cluster: outbound, upstream: "10.0.0.9:5000" });
    const first = entry("fra", "hello-v1-1", { at: 1, code: 503, cluster: inbound, sni });
    const second = entry("ash", "hello-v2-1", { at: 12, cluster: inbound, sni });
    const passedOn = entry("ash", "eastwest-1", { at: 3, id: "-", cluster: sni });
    assert.deepEqual(names(second, passedOn, first, caller), [["curl-1", "hello-v1-1", "hello-v2-1"]]);
  });

  test("two requests of one id one after the other each keep their own answer", () => {
    const calls = [0, 100].flatMap((at) => [
      entry("fra", "curl-1", { at, cluster: outbound, upstream: "10.0.0.9:5000" }),
      entry("fra", `hello-${at}`, { at: at + 1, cluster: inbound, sni }),
    ]);
    assert.deepEqual(names(...calls), [
      ["curl-1", "hello-100"],
      ["curl-1", "hello-0"],
    ]);
  });
});
