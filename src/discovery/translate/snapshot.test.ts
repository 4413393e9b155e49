import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { makeSnapshot } from "./snapshot.ts";
import { chainLines, endpointLines, httpFilters, routeLines } from "./test-support/describe.ts";
import {
  objectsOf,
  parseObjects,
  proxyOf,
  putObject,
  service,
  snapshotOf,
  worldOf,
} from "./test-support/make-world.ts";
import { createWorld, updateWorld } from "./world.ts";

const fail = (problem: string) => {
  throw new Error(problem);
};
const web = "outbound|80||web.sample.svc.cluster.local";

suite("endpoints", () => {
  const nodes = (...places: string[]) =>
    places
      .map((place) => {
        const [region, zone] = place.split("/");
        return `
apiVersion: v1
kind: Node
metadata: {name: ${region}-${zone}, labels: {topology.kubernetes.io/region: ${region}, topology.kubernetes.io/zone: ${zone}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-${region}-${zone}, namespace: sample, labels: {app: web, version: ${zone}}}
spec: {nodeName: ${region}-${zone}, containers: []}
---`;
      })
      .join("");
  const spread = `${nodes("r1/z1", "r1/z2", "r2/z1")}
apiVersion: v1
kind: Service
metadata: {name: web, namespace: sample}
spec: {clusterIP: 10.96.0.3, selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: sample, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
- {addresses: [10.1.0.1], conditions: {ready: true}, nodeName: r1-z1, targetRef: {kind: Pod, name: web-r1-z1, namespace: sample}}
- {addresses: [10.1.0.2], conditions: {ready: true}, nodeName: r1-z2, targetRef: {kind: Pod, name: web-r1-z2, namespace: sample}}
- {addresses: [10.1.0.3], conditions: {ready: true}, nodeName: r2-z1, targetRef: {kind: Pod, name: web-r2-z1, namespace: sample}}
---
`;
  const rule = (policy: string) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: sample}
spec: {host: web, trafficPolicy: {${policy}}}
`;

  test("the nearest come first when there is outlier detection", () => {
    const snapshot = snapshotOf(spread + rule("outlierDetection: {}"), proxyOf({ locality: "r1/z1" }));
    assert.deepEqual(endpointLines(snapshot, web), [
      "p0 r1/z1 w1: 10.1.0.1 w1",
      "p1 r1/z2 w1: 10.1.0.2 w1",
      "p2 r2/z1 w1: 10.1.0.3 w1",
    ]);
  });

  test("failoverPriority goes by labels that the caller and the endpoint have in common", () => {
    const snapshot = snapshotOf(
      spread + rule("outlierDetection: {}, loadBalancer: {localityLbSetting: {failoverPriority: [version]}}"),
      proxyOf({ labels: { version: "z2" } }),
    );
    assert.deepEqual(endpointLines(snapshot, web).sort(), [
      "p0 r1/z2 w1: 10.1.0.2 w1",
      "p1 r1/z1 w1: 10.1.0.1 w1",
      "p1 r2/z1 w1: 10.1.0.3 w1",
    ]);
  });

  test("distribute shares by locality and leaves out what it doesn't name", () => {
    const snapshot = snapshotOf(
      spread +
        rule(
          'loadBalancer: {localityLbSetting: {distribute: [{from: "r1/*", to: {"r1/z1/*": 80, "r2/*": 20}}]}}',
        ),
      proxyOf({ locality: "r1/z1" }),
    );
    assert.deepEqual(endpointLines(snapshot, web).sort(), [
      "p0 r1/z1 w80: 10.1.0.1 w1",
      "p0 r1/z2 w1: ",
      "p0 r2/z1 w20: 10.1.0.3 w1",
    ]);
  });

  const zoneAware = [
    { setting: "{}", place: "r1/z1", ranks: { "r1/z1": 0, "r1/z2": 0, "r2/z1": 1 } },
    { setting: "{}", place: "r2/z1", ranks: { "r1/z1": 1, "r1/z2": 1, "r2/z1": 0 } },
    {
      setting: "{failover: [{from: r3, to: r2}]}",
      place: "r3/z1",
      ranks: { "r1/z1": 1, "r1/z2": 1, "r2/z1": 0 },
    },
    {
      setting: "{failoverPriority: [version]}",
      place: "r1/z1",
      ranks: { "r1/z1": 1, "r1/z2": 0, "r2/z1": 2 },
    },
    { setting: "{enabled: false}", place: "r1/z1", ranks: { "r1/z1": 0, "r1/z2": 0, "r2/z1": 0 } },
  ];
  for (const { setting, place, ranks } of zoneAware) {
    test(`zoneAwareLbSetting ${setting} seen from ${place} ranks regions, not zones`, () => {
      const snapshot = snapshotOf(
        spread + rule(`loadBalancer: {zoneAwareLbSetting: ${setting}}`),
        proxyOf({ locality: place, labels: { version: "z2" } }),
      );
      const found = (snapshot.endpoints.get(web)?.endpoints ?? []).map(({ locality, priority }) => [
        `${locality?.region}/${locality?.zone}`,
        priority,
      ]);
      assert.deepEqual(Object.fromEntries(found), ranks);
    });
  }

  test("endpoints that are not ready are shown as unhealthy", () => {
    const snapshot = snapshotOf(`${service("web")}
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-2, namespace: sample, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.1.0.1], conditions: {ready: false}}, {addresses: [10.1.0.2], conditions: {ready: true}}]
`);
    assert.deepEqual(endpointLines(snapshot, web), ["p0 / w2: 10.1.0.1 w1 unhealthy, 10.1.0.2 w1"]);
  });

  test("WorkloadEntries stand for the endpoints of a ServiceEntry that selects them", () => {
    const snapshot = snapshotOf(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: vm, namespace: sample}
spec: {hosts: [vm.example.org], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, workloadSelector: {labels: {app: vm}}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm-1, namespace: sample}
spec: {address: 1.2.3.4, labels: {app: vm}, weight: 3, locality: r1/z1}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: other, namespace: sample}
spec: {address: 1.2.3.5, labels: {app: other}}
`);
    assert.deepEqual(endpointLines(snapshot, "outbound|80||vm.example.org"), ["p0 r1/z1 w3: 1.2.3.4 w3"]);
  });
});

suite("what a sidecar sees", () => {
  test("a service that is exported to nobody else stays in its namespace", () => {
    const hidden = service("web").replace(
      "name: web,",
      "name: web, annotations: {networking.istio.io/exportTo: .},",
    );
    assert.ok(snapshotOf(hidden).clusters.has(web));
    assert.ok(!snapshotOf(hidden, proxyOf({ namespace: "other" })).clusters.has(web));
  });

  test("a Sidecar's egress hosts are all that it gets", () => {
    const snapshot = snapshotOf(`${service("web")}${service("other")}
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: sample}
spec: {egress: [{hosts: ["./other.sample.svc.cluster.local"]}]}
`);
    assert.deepEqual(
      [...snapshot.clusters.keys()].filter((name) => name.startsWith("outbound")),
      ["outbound|80||other.sample.svc.cluster.local"],
    );
  });

  test("REGISTRY_ONLY answers 502 for strangers", () => {
    const snapshot = snapshotOf(service("web"), proxyOf(), "outboundTrafficPolicy: {mode: REGISTRY_ONLY}");
    assert.equal(routeLines(snapshot.routes.get("80")).at(-1), "*: / -> directResponse");
  });

  test("a headless Service has a listener for each of its pods", () => {
    const headless = service(
      "db",
      ["10.1.0.1", "10.1.0.2"],
      "{name: http, port: 3306, appProtocol: tcp}",
    ).replace("10.96.0.2", "None");
    const names = [...snapshotOf(headless).listeners.keys()];
    assert.deepEqual(names.filter((name) => name.endsWith("_3306")).sort(), [
      "10.1.0.1_3306",
      "10.1.0.2_3306",
    ]);
    const own = snapshotOf(headless, proxyOf({ address: "10.1.0.1" }));
    assert.deepEqual(
      [...own.listeners.keys()].filter((name) => name.endsWith("_3306")),
      ["10.1.0.2_3306"],
    );
  });
});

suite("routes", () => {
  const virtualService = (spec: string, name = "web") => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}, namespace: sample}
spec: ${spec}
---
`;

  test("weights lead to subsets", () => {
    const snapshot = snapshotOf(
      service("web") +
        virtualService(
          "{hosts: [web], http: [{route: [{destination: {host: web, subset: v1}, weight: 30}, {destination: {host: web, subset: v2}, weight: 70}]}]}",
        ),
    );
    assert.equal(
      routeLines(snapshot.routes.get("80"))[0],
      "web.sample.svc.cluster.local: / -> outbound|80|v1|web.sample.svc.cluster.local 30, outbound|80|v2|web.sample.svc.cluster.local 70",
    );
  });

  test("a delegate's routes stand where the root names it, under the root's prefix", () => {
    const snapshot = snapshotOf(
      service("web") +
        virtualService(
          "{hosts: [web], http: [{match: [{uri: {prefix: /shop}}], delegate: {name: shop}}, {route: [{destination: {host: web}}]}]}",
        ) +
        virtualService(
          "{http: [{match: [{uri: {prefix: /shop/cart}}], route: [{destination: {host: cart.example.org}}]}, {match: [{uri: {prefix: /other}}], route: [{destination: {host: web}}]}]}",
          "shop",
        ),
    );
    assert.deepEqual(
      routeLines(snapshot.routes.get("80")).filter((line) => line.startsWith("web.")),
      [
        "web.sample.svc.cluster.local: /shop/cart -> outbound|80||cart.example.org",
        `web.sample.svc.cluster.local: / -> ${web}`,
      ],
    );
  });

  test("a rule that names a gateway only says nothing to sidecars", () => {
    const snapshot = snapshotOf(
      service("web") + virtualService("{hosts: [web], gateways: [edge], http: [{redirect: {uri: /moved}}]}"),
    );
    assert.equal(routeLines(snapshot.routes.get("80"))[0], `web.sample.svc.cluster.local: / -> ${web}`);
  });

  test("matches by the caller's labels hold for that caller alone", () => {
    const yaml =
      service("web") +
      virtualService(
        "{hosts: [web], http: [{match: [{sourceLabels: {app: a}}], redirect: {uri: /a}}, {route: [{destination: {host: web}}]}]}",
      );
    assert.match(
      routeLines(snapshotOf(yaml, proxyOf({ labels: { app: "a" } })).routes.get("80"))[0] ?? "",
      /redirect/,
    );
    assert.match(routeLines(snapshotOf(yaml).routes.get("80"))[0] ?? "", /outbound/);
  });
});

suite("inbound", () => {
  const own = `${service("client", ["10.1.0.9"], "{name: http, port: 80, targetPort: 8080}")}
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: sample, labels: {app: client}}
spec: {containers: []}
---
`;
  const mtls = (spec: string) => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: sample}
spec: ${spec}
`;
  const ofPort = (yaml: string) =>
    chainLines(snapshotOf(yaml).listeners.get("virtualInbound"))
      .filter((line) => line.includes(" 8080/"))
      .map((line) => line.replace(/:.*/, ""));

  test.each([
    ["{mtls: {mode: PERMISSIVE}}", ["0.0.0.0_8080 8080//tls TLS", "0.0.0.0_8080 8080//raw_buffer"]],
    ["{mtls: {mode: STRICT}}", ["0.0.0.0_8080 8080//tls TLS"]],
    ["{mtls: {mode: DISABLE}}", ["0.0.0.0_8080 8080//raw_buffer"]],
    [
      "{selector: {matchLabels: {app: client}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}",
      ["0.0.0.0_8080 8080//raw_buffer"],
    ],
  ])("PeerAuthentication %s", (spec, expected) => {
    assert.deepEqual(ofPort(own + mtls(spec)), expected);
  });

  test("policies stand before everything else that looks at requests", () => {
    const snapshot = snapshotOf(`${own}
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: sample}
spec: {action: DENY, rules: [{to: [{operation: {methods: [DELETE]}}]}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: elsewhere, namespace: other}
spec: {}
`);
    const filters = httpFilters(snapshot.listeners.get("virtualInbound")).at(-1) ?? [];
    assert.deepEqual(
      filters.filter((name) => name.endsWith("rbac") || name.endsWith("router")),
      ["envoy.filters.http.rbac", "envoy.filters.http.router"],
    );
  });

  test("stock Envoy gets none of Istio's own filters", () => {
    const stock = snapshotOf(own, proxyOf({ extensions: ["envoy.filters.http.router"] }));
    const istio = snapshotOf(own);
    const all = (snapshot: typeof stock) =>
      [...snapshot.listeners.values()].flatMap((item) => httpFilters(item).flat());
    assert.deepEqual(
      all(stock).filter((name) => name.startsWith("istio")),
      [],
    );
    assert.ok(all(istio).includes("istio.alpn"));
  });
});

suite("gateways", () => {
  const gateway = (servers: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: sample}
spec: {selector: {istio: edge}, servers: [${servers}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: sample}
spec: {hosts: [shop.example.com], gateways: [edge], http: [{route: [{destination: {host: web}}]}]}
---
`;
  const edge = proxyOf({ type: "router", labels: { istio: "edge" } });
  const secret = `
apiVersion: v1
kind: Secret
metadata: {name: shop-cert, namespace: sample}
type: kubernetes.io/tls
data: {tls.crt: Y2VydA==, tls.key: a2V5, ca.crt: Y2E=}
---
`;

  test("HTTP: the routes of the VirtualServices that name the gateway", () => {
    const snapshot = snapshotOf(
      service("web") + gateway('{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.example.com"]}'),
      edge,
    );
    assert.deepEqual([...snapshot.listeners.keys()], ["0.0.0.0_80"]);
    assert.deepEqual(routeLines(snapshot.routes.get("http.80")), [`shop.example.com: / -> ${web}`]);
  });

  test("MUTUAL: one chain per server, and certificate and CA from the Secret", () => {
    const snapshot = snapshotOf(
      service("web") +
        secret +
        gateway(
          "{port: {number: 443, name: https, protocol: HTTPS}, hosts: [shop.example.com], tls: {mode: MUTUAL, credentialName: shop-cert}}",
        ),
      edge,
    );
    assert.deepEqual(
      chainLines(snapshot.listeners.get("0.0.0.0_443")).map((line) => line.replace(/:.*/, "").trim()),
      ["/shop.example.com/ TLS"],
    );
    assert.deepEqual([...snapshot.secrets.keys()].sort(), [
      "kubernetes://shop-cert",
      "kubernetes://shop-cert-cacert",
    ]);
  });

  test("PASSTHROUGH: TLS goes on unopened by its server name", () => {
    const snapshot = snapshotOf(
      `${service("web")}${gateway("{port: {number: 443, name: tls, protocol: TLS}, hosts: [shop.example.com], tls: {mode: PASSTHROUGH}}")}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tls, namespace: sample}
spec: {hosts: [shop.example.com], gateways: [edge], tls: [{match: [{sniHosts: [shop.example.com]}], route: [{destination: {host: web}}]}]}
`,
      edge,
    );
    assert.match(
      chainLines(snapshot.listeners.get("0.0.0.0_443"))[0] ?? "",
      /shop\.example\.com\/: .*tcp_proxy/,
    );
  });

  test("a gateway elsewhere is not its business", () => {
    const snapshot = snapshotOf(
      service("web") + gateway('{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}'),
      proxyOf({ type: "router", labels: { istio: "other" } }),
    );
    assert.deepEqual([...snapshot.listeners.keys()], []);
  });
});

suite("World", () => {
  const everything = `${service("web", ["10.1.0.1"])}${service("other", ["10.1.0.5"])}
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: sample, labels: {app: client}}
spec: {containers: []}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api, namespace: sample}
spec: {hosts: [api.example.org], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 1.2.3.4}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: sample}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: sample}
spec: {mtls: {mode: STRICT}}
`;
  const listing = (snapshot: ReturnType<typeof snapshotOf>) => ({
    clusters: [...snapshot.clusters],
    endpoints: [...snapshot.endpoints],
    listeners: [...snapshot.listeners],
    routes: [...snapshot.routes],
  });

  test("object by object it becomes what it is when made at once, and empty again when they go", () => {
    const objects = objectsOf("");
    let world = createWorld(objects, fail);
    const empty = listing(makeSnapshot(world, proxyOf(), fail));
    for (const object of parseObjects(everything))
      world = updateWorld(world, putObject(objects, object), fail);
    assert.deepEqual(listing(makeSnapshot(world, proxyOf(), fail)), listing(snapshotOf(everything)));
    for (const object of parseObjects(everything))
      world = updateWorld(world, putObject(objects, object, true), fail);
    assert.deepEqual(listing(makeSnapshot(world, proxyOf(), fail)), empty);
  });

  test("a change of endpoints leaves everything else the very same objects", () => {
    const objects = objectsOf(everything);
    const before = createWorld(objects, fail);
    const first = makeSnapshot(before, proxyOf(), fail);
    const [, slice] = parseObjects(service("web", ["10.1.0.1", "10.1.0.2"]));
    assert.ok(slice);
    const second = makeSnapshot(updateWorld(before, putObject(objects, slice), fail), proxyOf(), fail);
    assert.equal(second.clusters, first.clusters);
    assert.equal(second.listeners, first.listeners);
    const other = "outbound|80||other.sample.svc.cluster.local";
    assert.equal(second.endpoints.get(other), first.endpoints.get(other));
    assert.deepEqual(endpointLines(second, web), ["p0 / w2: 10.1.0.1 w1, 10.1.0.2 w1"]);
  });

  test("replicas share one snapshot", () => {
    const world = worldOf(everything);
    const [a, b] = ["a", "b"].map((name) =>
      makeSnapshot(world, proxyOf({ name, address: `10.1.1.${name === "a" ? 1 : 2}` }), fail),
    );
    assert.equal(a, b);
  });

  test("a rule that can't be read is reported, and the rest works", () => {
    const problems: string[] = [];
    const world = createWorld(objectsOf(service("web"), "outboundTrafficPolicy: ["), (problem) =>
      problems.push(problem),
    );
    assert.equal(problems.length, 1);
    assert.ok(makeSnapshot(world, proxyOf(), fail).clusters.has(web));
  });
});
