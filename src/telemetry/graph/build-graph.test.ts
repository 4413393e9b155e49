import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createMetricStore } from "../store/metric-store.ts";
import { buildGraph } from "./build-graph.ts";
import type { GraphOptions, TrafficEdge } from "./traffic-graph.ts";

/** "cluster/namespace/workload/app/version"; "?" for what is not known. */
type Place = string;

interface Traffic {
  readonly by: "source" | "destination";
  readonly from: Place;
  readonly to: Place;
  /** "name.namespace" */
  readonly service?: string;
  /** A destination that is no Kubernetes Service. */
  readonly host?: string;
  readonly protocol?: "http" | "grpc" | "tcp";
  /** In the 60 seconds of the graph. */
  readonly count: number;
  readonly code?: string;
  readonly flags?: string;
  readonly grpc?: string;
  readonly tls?: boolean;
  readonly principals?: readonly [from: string, to: string];
  /** Milliseconds each request took: one of the buckets 10 and 100. */
  readonly took?: 10 | 100;
  readonly bytes?: readonly [sent: number, received: number];
}

const unknown = "?/?/?/?/?";
const unset = "unknown";
const end = 1_700_000_060_000;

function labelsOf(side: "source" | "destination", place: Place): string {
  const names = ["cluster", "workload_namespace", "workload", "canonical_service", "canonical_revision"];
  const values = place.split("/").map((part) => (part === "?" ? unset : part));
  return names.map((name, i) => `${side}_${name}="${values[i]}"`).join(",");
}

function linesOf(traffic: Traffic): [series: string, total: number][] {
  const { by, from, to, service = "?.?", protocol = "http", count, tls = false } = traffic;
  const [name = "", namespace = ""] = (traffic.host === undefined ? service.split(".") : [traffic.host]).map(
    (part) => (part === "?" ? unset : part),
  );
  const host = traffic.host ?? (name === unset ? unset : `${name}.${namespace}.svc.cluster.local`);
  const labels = [
    `reporter="${by}"`,
    labelsOf("source", from),
    labelsOf("destination", to),
    `destination_service="${host}",destination_service_name="${name}",destination_service_namespace="${namespace || unset}"`,
    `request_protocol="${protocol}"`,
    `response_flags="${traffic.flags ?? "-"}"`,
    `connection_security_policy="${by === "source" ? "unknown" : tls ? "mutual_tls" : "none"}"`,
    ...(traffic.principals === undefined
      ? []
      : [`source_principal="${traffic.principals[0]}",destination_principal="${traffic.principals[1]}"`]),
  ].join(",");
  const [sent, received] = traffic.bytes ?? [0, 0];
  if (protocol === "tcp")
    return [
      [`istio_tcp_connections_opened_total{${labels}}`, count],
      [`istio_tcp_received_bytes_total{${labels}}`, sent],
      [`istio_tcp_sent_bytes_total{${labels}}`, received],
    ];
  const http = `${labels},response_code="${traffic.code ?? "200"}",grpc_response_status="${traffic.grpc ?? ""}"`;
  const took = traffic.took ?? 10;
  return [
    [`istio_requests_total{${http}}`, count],
    [`istio_request_duration_milliseconds_bucket{${http},le="10"}`, took === 10 ? count : 0],
    [`istio_request_duration_milliseconds_bucket{${http},le="100"}`, count],
    [`istio_request_duration_milliseconds_bucket{${http},le="+Inf"}`, count],
    [`istio_request_duration_milliseconds_sum{${http}}`, took * count],
    [`istio_request_duration_milliseconds_count{${http}}`, count],
    [`istio_request_bytes_sum{${http}}`, sent],
    [`istio_response_bytes_sum{${http}}`, received],
  ];
}

function graphOf(traffic: readonly Traffic[], options: Partial<GraphOptions> = {}) {
  const store = createMetricStore({ retention: 3_600_000, maxSamples: 1000 });
  const target = store.target({});
  const lines = traffic.flatMap(linesOf);
  for (const [seconds, part] of [
    [60, 0],
    [30, 0.5],
    [0, 1],
  ] as const)
    target.take(
      lines.map(([series, total]) => `${series} ${total * part}\n`).join(""),
      end - seconds * 1000,
      {},
    );
  const graph = buildGraph(
    {
      store,
      now: end,
      retention: 3_600_000,
      networkOf: (cluster) => ({ east: "n1", west: "n2" })[cluster],
      placeOf: (cluster, _, workload) => (workload.startsWith("lent") ? "west" : cluster),
      isGateway: (cluster, _, workload) => workload.endsWith("gateway") && cluster === "east",
      isServiceEntry: (host) => host === "api.example.com",
    },
    { level: "workload", ...options },
  );
  return graph;
}

/** "from -> to protocol rate share%" */
function drawn(edges: readonly TrafficEdge[]): string[] {
  return edges.map(
    ({ from, to, protocol, requestsPerSecond, share }) =>
      `${from} -> ${to} ${protocol} ${Number(requestsPerSecond.toFixed(3))} ${Math.round(share * 100)}%`,
  );
}

const web: Place = "east/shop/web/web/v1";
const v1: Place = "east/shop/api-v1/api/v1";
const v2: Place = "west/shop/api-v2/api/v2";

/** 60 requests from web, half to each version, as both ends report them. */
const halfAndHalf: Traffic[] = (["source", "destination"] as const).flatMap((by) =>
  [v1, v2].map(
    (to): Traffic => ({
      by,
      from: web,
      to,
      service: "api.shop",
      count: 30,
      tls: true,
      principals: ["spiffe://mesh/ns/shop/sa/web", "spiffe://mesh/ns/shop/sa/api"],
      bytes: [600, 6000],
    }),
  ),
);

suite("the traffic graph", () => {
  test("counts a request once that both ends report, with shares of the service that was asked for", () => {
    const { nodes, edges } = graphOf(halfAndHalf);
    assert.deepEqual(drawn(edges), [
      "workload:east/shop/web -> workload:east/shop/api-v1 http 0.5 50%",
      "workload:east/shop/web -> workload:west/shop/api-v2 http 0.5 50%",
    ]);
    assert.deepEqual(nodes.at(-1), {
      id: "workload:west/shop/api-v2",
      kind: "workload",
      cluster: "west",
      namespace: "shop",
      name: "api-v2",
      app: "api",
      version: "v2",
    });
    assert.deepEqual(edges[1], {
      from: "workload:east/shop/web",
      to: "workload:west/shop/api-v2",
      protocol: "http",
      requestsPerSecond: 0.5,
      failedPerSecond: 0,
      share: 0.5,
      latencyMs: { p50: 5, p95: 9.5, p99: 9.9, average: 10 },
      bytesPerSecond: { sent: 10, received: 100 },
      mutualTls: 1,
      codes: { 200: 0.5 },
      flags: {},
      crossesNetwork: true,
      principals: { from: "spiffe://mesh/ns/shop/sa/web", to: "spiffe://mesh/ns/shop/sa/api" },
      service: "api.shop.svc.cluster.local",
    });
  });

  test.each([
    [
      "app",
      [
        "app:east/shop/web -> app:east/shop/api http 0.5 50%",
        "app:east/shop/web -> app:west/shop/api http 0.5 50%",
      ],
    ],
    [
      "versionedApp",
      [
        "app:east/shop/web/v1 -> app:east/shop/api/v1 http 0.5 50%",
        "app:east/shop/web/v1 -> app:west/shop/api/v2 http 0.5 50%",
      ],
    ],
    [
      "service",
      [
        "service:east/shop/web -> service:east/shop/api http 0.5 50%",
        "service:east/shop/web -> service:west/shop/api http 0.5 50%",
      ],
    ],
    ["cluster", ["cluster:east -> cluster:east http 0.5 50%", "cluster:east -> cluster:west http 0.5 50%"]],
  ] as const)("sums workloads up to the level %s", (level, expected) => {
    assert.deepEqual(drawn(graphOf(halfAndHalf, { level }).edges), expected);
  });

  test("puts the service, as the caller's cluster knows it, between caller and workloads", () => {
    assert.deepEqual(drawn(graphOf(halfAndHalf, { withServices: true }).edges), [
      "service:east/shop/api -> workload:east/shop/api-v1 http 0.5 50%",
      "service:east/shop/api -> workload:west/shop/api-v2 http 0.5 50%",
      "workload:east/shop/web -> service:east/shop/api http 1 100%",
    ]);
  });

  test("draws what one side alone reports: callers from outside, and requests that never arrived", () => {
    const { nodes, edges } = graphOf([
      { by: "destination", from: unknown, to: v1, service: "api.shop", count: 60 },
      { by: "source", from: web, to: unknown, service: "api.shop", count: 12, code: "503", flags: "UH" },
      { by: "source", from: web, to: unknown, host: "api.example.com", count: 6 },
      { by: "source", from: web, to: unknown, host: "PassthroughCluster", count: 6 },
    ]);
    assert.deepEqual(drawn(edges).slice(0, 1), [
      "outside:unknown/unknown -> workload:east/shop/api-v1 http 1 100%",
    ]);
    const lost = edges.find(({ flags }) => flags["UH"] !== undefined);
    assert.deepEqual(
      [lost?.to, lost?.failedPerSecond, lost?.codes, lost?.flags],
      ["service:east/shop/api", 0.2, { 503: 0.2 }, { UH: 0.2 }],
    );
    assert.deepEqual(nodes.find(({ kind }) => kind === "serviceEntry")?.name, "api.example.com");
    assert.deepEqual(
      nodes.filter(({ kind }) => kind === "outside").map(({ name }) => name),
      ["PassthroughCluster", "unknown"],
    );
  });

  test("leaves out what a side reports of an unknown other end, as far as that end reports it too", () => {
    const { edges } = graphOf([
      { by: "source", from: web, to: unknown, service: "db.shop", protocol: "tcp", count: 60 },
      { by: "destination", from: web, to: v1, service: "db.shop", protocol: "tcp", count: 58 },
      { by: "destination", from: unknown, to: v2, service: "api.shop", count: 90 },
      { by: "source", from: web, to: v2, service: "api.shop", count: 60 },
    ]);
    assert.deepEqual(drawn(edges), [
      "outside:unknown/unknown -> workload:west/shop/api-v2 http 0.5 100%",
      "workload:east/shop/web -> workload:east/shop/api-v1 tcp 0 100%",
      "workload:east/shop/web -> workload:west/shop/api-v2 http 1 100%",
    ]);
  });

  test("knows gateways, and leaves out bytes that they pass on unopened", () => {
    const gateway: Place = "east/istio-system/eastwest-gateway/gateway/latest";
    const { nodes, edges } = graphOf([
      { by: "source", from: gateway, to: v1, service: "api.shop", count: 60 },
      { by: "source", from: gateway, to: unknown, service: "?.?", protocol: "tcp", count: 60, bytes: [1, 1] },
      { by: "source", from: gateway, to: v2, service: "api.shop", protocol: "tcp", count: 60, bytes: [1, 1] },
      { by: "destination", from: web, to: v2, service: "api.shop", count: 60 },
      // To a workload without a proxy it is the caller.
      {
        by: "source",
        from: gateway,
        to: "east/shop/db/db/v1",
        service: "db.shop",
        protocol: "tcp",
        count: 60,
      },
    ]);
    assert.equal(nodes.find(({ name }) => name === "eastwest-gateway")?.kind, "gateway");
    assert.deepEqual(drawn(edges), [
      "workload:east/istio-system/eastwest-gateway -> workload:east/shop/api-v1 http 1 100%",
      "workload:east/istio-system/eastwest-gateway -> workload:east/shop/db tcp 0 100%",
      "workload:east/shop/web -> workload:west/shop/api-v2 http 1 100%",
    ]);
  });

  test("puts a workload into the cluster on which its own has placed it", () => {
    const { edges } = graphOf([{ by: "source", from: web, to: "east/shop/lent/lent/v1", count: 60 }]);
    assert.deepEqual(drawn(edges), ["workload:east/shop/web -> workload:west/shop/lent http 1 100%"]);
    assert.equal(edges[0]?.crossesNetwork, true);
  });

  test.each(["workload", "app", "versionedApp", "service"] as const)(
    "knows at the level %s a gateway whose own cluster has placed it in another",
    (level) => {
      const gateway: Place = "east/ingress/lent-gateway/lent-gateway/latest";
      const { nodes } = graphOf([{ by: "source", from: gateway, to: v1, service: "api.shop", count: 60 }], {
        level,
      });
      const found = nodes.filter(({ name }) => name === "lent-gateway");
      assert.deepEqual(
        found.map(({ kind, cluster }) => [kind, cluster]),
        [["gateway", "west"]],
      );
    },
  );

  test("counts failures of HTTP and of gRPC, each by its codes", () => {
    const [grpc, http] = graphOf([
      { by: "destination", from: web, to: v1, service: "api.shop", count: 6, code: "200" },
      { by: "destination", from: web, to: v1, service: "api.shop", count: 3, code: "404" },
      { by: "destination", from: web, to: v1, service: "api.shop", count: 3, code: "500" },
      { by: "destination", from: web, to: v1, service: "api.shop", count: 3, code: "0", flags: "DC" },
      { by: "destination", from: web, to: v1, service: "api.shop", protocol: "grpc", count: 6, grpc: "0" },
      { by: "destination", from: web, to: v1, service: "api.shop", protocol: "grpc", count: 3, grpc: "14" },
      { by: "destination", from: web, to: v1, service: "api.shop", protocol: "grpc", count: 3, grpc: "5" },
    ]).edges;
    assert.deepEqual(
      [http?.codes, http?.failedPerSecond],
      [{ 0: 0.05, 200: 0.1, 404: 0.05, 500: 0.05 }, 0.1],
    );
    assert.deepEqual([grpc?.codes, grpc?.failedPerSecond], [{ 0: 0.1, 5: 0.05, 14: 0.05 }, 0.05]);
  });

  test("says which part came over mutual TLS, and no identities when there are several", () => {
    const [edge] = graphOf([
      { by: "destination", from: web, to: v1, count: 15, tls: true, principals: ["a", "b"] },
      { by: "destination", from: web, to: v1, count: 45 },
      { by: "destination", from: web, to: v1, count: 0, tls: true, principals: ["c", "b"] },
    ]).edges;
    assert.equal(edge?.mutualTls, 0.25);
    assert.deepEqual(edge?.principals, { from: "a", to: "b" });
  });

  const toDb = { from: web, to: "east/shop/db/db/v1", service: "db.shop", count: 60 } as const;
  const viaGateway: Place = "east/istio-system/eastwest-gateway/gateway/latest";
  const identities = ["spiffe://mesh/ns/shop/sa/web", "spiffe://mesh/ns/shop/sa/api"] as const;
  test.each<{ traffic: Traffic[]; expected: number | undefined; because: string }>([
    {
      traffic: [
        { ...toDb, by: "source", count: 60, principals: identities },
        { ...toDb, by: "source", count: 40, code: "503", flags: "UF" },
        { ...toDb, by: "destination", count: 60, tls: true, principals: identities },
      ],
      expected: 1,
      because: "requests that found no connection did not arrive in plaintext either",
    },
    {
      traffic: [
        { ...toDb, by: "source", to: unknown, code: "503", flags: "UH" },
        { ...toDb, by: "source", to: unknown, code: "503", flags: "NR" },
      ],
      expected: undefined,
      because: "nothing was sent where no endpoint and no route was found",
    },
    {
      traffic: [{ ...toDb, by: "source", code: "0", flags: "DC" }],
      expected: undefined,
      because: "callers that went away had no answer to tell it by",
    },
    {
      traffic: [{ ...toDb, by: "source" }],
      expected: 0,
      because: "a workload that answers without an identity has no proxy",
    },
    {
      traffic: [{ ...toDb, by: "source", principals: identities }],
      expected: 1,
      because: "an identity comes by mutual TLS only, though the other side says nothing",
    },
    {
      traffic: [{ by: "source", from: web, to: unknown, host: "api.example.com", count: 60 }],
      expected: undefined,
      because: "what goes to nobody of the mesh may be encrypted by other means",
    },
    {
      traffic: [{ ...toDb, by: "source", from: viaGateway, protocol: "tcp", bytes: [1, 1] }],
      expected: undefined,
      because: "a gateway does not open what it passes on",
    },
    {
      traffic: [{ by: "destination", from: unknown, to: v1, service: "api.shop", count: 60 }],
      expected: 0,
      because: "callers without a proxy have no certificate",
    },
  ])("gives a part over mutual TLS of $expected: $because", ({ traffic, expected }) => {
    for (const withServices of [false, true])
      assert.deepEqual(
        [...new Set(graphOf(traffic, { withServices }).edges.map(({ mutualTls }) => mutualTls))],
        [expected],
      );
  });

  test("shows only what has an end in the namespaces and clusters that are asked for", () => {
    const other: Traffic = { by: "source", from: "east/other/x/x/v1", to: "east/other/y/y/v1", count: 60 };
    assert.equal(graphOf([...halfAndHalf, other], { namespaces: ["shop"] }).edges.length, 2);
    assert.equal(graphOf([...halfAndHalf, other], { namespaces: ["other", "shop"] }).edges.length, 3);
    assert.equal(graphOf([...halfAndHalf, other], { clusters: ["west"] }).edges.length, 1);
    assert.equal(graphOf([...halfAndHalf, other], { clusters: [] }).edges.length, 0);
  });

  test("keeps idle edges when they are asked for, and shows earlier moments", () => {
    const later = { at: end + 600_000 };
    assert.deepEqual(graphOf(halfAndHalf, later).edges, []);
    assert.deepEqual(drawn(graphOf(halfAndHalf, { ...later, withIdle: true }).edges), [
      "workload:east/shop/web -> workload:east/shop/api-v1 http 0 0%",
      "workload:east/shop/web -> workload:west/shop/api-v2 http 0 0%",
    ]);
    assert.deepEqual(
      drawn(graphOf(halfAndHalf, { at: end, rangeSeconds: 30 }).edges),
      drawn(graphOf(halfAndHalf).edges),
    );
  });
});
