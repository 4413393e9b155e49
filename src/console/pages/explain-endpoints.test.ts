import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { EndpointSlice, Pod, Service } from "../../kube/index.ts";
import { type EndpointFacts, explainDestination, type ServiceFacts } from "./explain-endpoints.ts";

const host = "reviews.shop.svc.cluster.local";
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "reviews", namespace: "shop" },
  spec: { selector: { app: "reviews" } },
} as unknown as Service;

function pod(
  name: string,
  address: string,
  options: { readonly version?: string; readonly isReady?: boolean; readonly hasProxy?: boolean } = {},
): Pod {
  const { version = "v1", isReady = true, hasProxy = true } = options;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "shop", labels: { app: "reviews", version } },
    spec: { containers: [{ name: "app" }, ...(hasProxy ? [{ name: "istio-proxy" }] : [])] },
    status: { podIP: address, conditions: [{ type: "Ready", status: isReady ? "True" : "False" }] },
  } as unknown as Pod;
}

function cluster(
  name: string,
  network: string,
  pods: readonly Pod[],
  changes: Partial<ServiceFacts> = {},
): ServiceFacts {
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `reviews-${name}`,
      namespace: "shop",
      labels: { "kubernetes.io/service-name": "reviews" },
    },
    addressType: "IPv4",
    endpoints: pods.map(({ status }) => ({ addresses: [status?.podIP ?? ""] })),
  } as unknown as EndpointSlice;
  const gateway = {
    cluster: name,
    kind: "eastwest",
    namespace: "istio-system",
    name: "gateway",
    address: `10.9.9.${name.length}`,
    port: 15443,
  } as const;
  return {
    cluster: name,
    network,
    services: [service],
    slices: [slice],
    pods,
    away: undefined,
    gateway,
    ...changes,
  };
}

function facts(clusters: readonly ServiceFacts[], changes: Partial<EndpointFacts> = {}): EndpointFacts {
  return {
    from: { cluster: "a", network: "n1", primary: "a" },
    clusters,
    destinationRules: [],
    serviceEntries: [],
    ...changes,
  };
}

function endpoint(address: string, changes: { readonly priority?: number; readonly weight?: number } = {}) {
  return {
    endpoint: address,
    status: "HEALTHY",
    outlierCheck: "OK",
    cluster: "",
    locality: "",
    priority: 0,
    weight: 1,
    ...changes,
  } as const;
}

suite("explainDestination()", () => {
  test("a pod of the same cluster is there because the Service selects it, and its slice says so", () => {
    const found = explainDestination(
      `outbound|80||${host}`,
      [endpoint("10.0.0.1:80")],
      facts([cluster("a", "n1", [pod("r1", "10.0.0.1")])]),
    );
    assert.deepEqual(found?.endpoints[0]?.target, { kind: "pod", name: "r1", namespace: "shop" });
    assert.match(found?.endpoints[0]?.because ?? "", /^a pod of this cluster that the Service selects$/);
    assert.deepEqual(found?.endpoints[0]?.decidedBy, [
      { cluster: "a", kind: "EndpointSlice", namespace: "shop", name: "reviews-a" },
    ]);
    assert.deepEqual(found?.missing, []);
  });

  test("the gateway of another network stands for its pods, which are not missing then", () => {
    const clusters = [
      cluster("a", "n1", []),
      cluster("bb", "n2", [pod("r2", "10.0.0.1"), pod("r3", "10.0.0.2")]),
    ];
    const found = explainDestination(
      `outbound|80||${host}`,
      [endpoint("10.9.9.2:15443", { weight: 2 })],
      facts(clusters),
    );
    assert.equal(found?.endpoints[0]?.cluster, "bb");
    assert.equal(found?.endpoints[0]?.target?.kind, "gateway");
    assert.match(found?.endpoints[0]?.because ?? "", /bb is on n2, .* stands for 2 pods/);
    assert.deepEqual(found?.missing, []);
  });

  test("an address that two networks use is the pod of the caller's own network", () => {
    const clusters = [
      cluster("bb", "n2", [pod("far", "10.0.0.1")]),
      cluster("a", "n1", [pod("near", "10.0.0.1")]),
    ];
    const found = explainDestination(`outbound|80||${host}`, [endpoint("10.0.0.1:80")], facts(clusters));
    assert.equal(found?.endpoints[0]?.target?.name, "near");
  });

  test("a lower priority names the DestinationRule that made it", () => {
    const rule = {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: "failover", namespace: "shop" },
      spec: { host: "reviews", trafficPolicy: { outlierDetection: {} } },
    };
    const clusters = [cluster("a", "n1", [pod("r1", "10.0.0.1"), pod("r2", "10.0.0.2")])];
    const rows = [endpoint("10.0.0.2:80", { priority: 1 }), endpoint("10.0.0.1:80")];
    const found = explainDestination(
      `outbound|80||${host}`,
      rows,
      facts(clusters, { destinationRules: [rule] }),
    );
    assert.deepEqual(
      found?.endpoints.map(({ endpoint: address }) => address),
      ["10.0.0.1:80", "10.0.0.2:80"],
    );
    assert.match(found?.endpoints[1]?.because ?? "", /used when the endpoints above it are not healthy/);
    assert.deepEqual(
      found?.endpoints[1]?.decidedBy.map(({ name }) => name),
      ["reviews-a", "failover"],
    );
  });

  const absent: readonly [title: string, facts: EndpointFacts, subset: string, because: RegExp][] = [
    [
      "is not ready",
      facts([cluster("a", "n1", [pod("r", "10.0.0.1", { isReady: false })])]),
      "",
      /^it is not ready/,
    ],
    [
      "is of a cluster that is away",
      facts([cluster("a", "n1", [pod("r", "10.0.0.1")], { away: "a is stopped" })]),
      "",
      /does not answer: a is stopped/,
    ],
    [
      "has not the subset's labels",
      facts([cluster("a", "n1", [pod("r", "10.0.0.1", { version: "v2" })])], {
        destinationRules: [
          {
            apiVersion: "x/v1",
            kind: "DestinationRule",
            metadata: { name: "d", namespace: "shop" },
            spec: { host, subsets: [{ name: "v1", labels: { version: "v1" } }] },
          },
        ],
      }),
      "v1",
      /not those of the subset \(version=v1\)/,
    ],
    [
      "has no proxy on another network",
      facts([cluster("bb", "n2", [pod("r", "10.0.0.1", { hasProxy: false })])]),
      "",
      /no proxy/,
    ],
    [
      "is on another network without a gateway",
      facts([cluster("bb", "n2", [pod("r", "10.0.0.1")], { gateway: undefined })]),
      "",
      /has no gateway/,
    ],
    [
      "is not known to the control plane",
      facts([cluster("bb", "n2", [pod("r", "10.0.0.1")])]),
      "",
      /does not send it/,
    ],
  ];
  for (const [title, given, subset, because] of absent)
    test(`says of a pod that ${title} why it is no endpoint`, () => {
      const found = explainDestination(`outbound|80|${subset}|${host}`, [], given);
      assert.match(found?.missing[0]?.because ?? "nothing", because);
    });

  test("an endpoint that only a ServiceEntry names leads to that", () => {
    const entry = {
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata: { name: "outside", namespace: "shop" },
      spec: { hosts: ["api.example.com"] },
    };
    const found = explainDestination(
      "outbound|443||api.example.com",
      [endpoint("192.0.2.1:443")],
      facts([], { serviceEntries: [entry] }),
    );
    assert.equal(found?.endpoints[0]?.cluster, undefined);
    assert.deepEqual(found?.endpoints[0]?.decidedBy[0]?.name, "outside");
  });

  test("says that failover is off where places differ and nothing tells which of their endpoints are ill", () => {
    const clusters = [cluster("a", "n1", [pod("r1", "10.0.0.1"), pod("r2", "10.0.0.2")])];
    const rows = [
      { ...endpoint("10.0.0.1:80"), locality: "eu/a" },
      { ...endpoint("10.0.0.2:80"), locality: "eu/b" },
    ];
    const rule = {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: "failover", namespace: "shop" },
      spec: { host: "reviews", trafficPolicy: { outlierDetection: {} } },
    };
    const noteOf = (changes: Partial<EndpointFacts>, given = rows) =>
      explainDestination(`outbound|80||${host}`, given, facts(clusters, changes))?.note;
    assert.match(noteOf({}) ?? "", /no outlier detection: locality failover is off/);
    assert.equal(noteOf({ destinationRules: [rule] }), undefined);
    assert.equal(noteOf({}, rows.slice(0, 1)), undefined);
  });
});
