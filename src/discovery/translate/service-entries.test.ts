import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { ServiceEntry } from "./config-types.ts";
import { makeSnapshot } from "./snapshot.ts";
import { endpointLines, routeLines } from "./test-support/describe.ts";
import {
  objectsOf,
  parseObjects,
  proxyOf,
  putObject,
  service,
  snapshotOf,
} from "./test-support/make-world.ts";
import { createWorld, updateWorld } from "./world.ts";

const fail = (problem: string) => {
  throw new Error(problem);
};

const entry = (name: string, spec: string, namespace = "sample", more = "") => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}, namespace: ${namespace}}
spec: {${spec}}
${more}
---`;
const workload = (name: string, spec: string, metadata = "", status = "{}") => `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: ${name}, namespace: sample${metadata}}
spec: {${spec}}
status: ${status}
---`;
const pod = (name: string, address: string, isReady: boolean, labels = "{app: legacy}") => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: sample, labels: ${labels}}
spec: {containers: []}
status: {podIP: ${address}, phase: Running, conditions: [{type: Ready, status: "${isReady ? "True" : "False"}"}]}
---`;

suite("endpoints of ServiceEntries", () => {
  const cases = [
    {
      title: "a port is the endpoint's own of that name before the target port before the port itself",
      yaml: entry(
        "e",
        `hosts: [e.com], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}],
         endpoints: [{address: 1.1.1.1, ports: {http: 9090}}, {address: 1.1.1.2}]`,
      ),
      ports: [9090, 8080],
    },
    {
      title: "an endpoint weighs at least one, however little it is given",
      yaml: entry(
        "e",
        `hosts: [e.com], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}],
         endpoints: [{address: 1.1.1.1, weight: 0}, {address: 1.1.1.2, weight: 7}]`,
      ),
      lines: ["p0 / w8: 1.1.1.1 w1, 1.1.1.2 w7"],
    },
    {
      title: "a locality is the endpoint's own before its label's, in which dots stand for slashes",
      yaml: entry(
        "e",
        `hosts: [e.com], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}],
         endpoints: [{address: 1.1.1.1, locality: r1/z1, labels: {topology.istio.io/locality: r9.z9}},
                     {address: 1.1.1.2, labels: {istio-locality: r2.z2}}]`,
      ),
      lines: ["p0 r1/z1 w1: 1.1.1.1 w1", "p0 r2/z2 w1: 1.1.1.2 w1"],
    },
    {
      title:
        "a selector picks pods and WorkloadEntries of the entry's namespace, those of its own labels first",
      yaml:
        entry(
          "e",
          `hosts: [e.com], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: {labels: {app: legacy}},
           ports: [{number: 80, name: http, protocol: HTTP}]`,
        ) +
        workload("spec", "address: 7.7.7.1, labels: {app: legacy}") +
        workload("own", "address: 7.7.7.2, labels: {app: other}", ", labels: {app: legacy}") +
        workload("overruled", "address: 7.7.7.3, labels: {app: legacy}", ", labels: {app: other}") +
        workload("named", "address: vm.example.com, labels: {app: legacy}") +
        pod("p", "10.1.0.7", false),
      lines: ["p0 / w3: 7.7.7.1 w1, 7.7.7.2 w1, 10.1.0.7 w1 unhealthy"],
    },
    {
      title: "a WorkloadEntry whose health is checked counts from its first good check on",
      yaml:
        entry(
          "e",
          `hosts: [e.com], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: {labels: {app: legacy}},
           ports: [{number: 80, name: http, protocol: HTTP}]`,
        ) +
        workload(
          "unknown",
          "address: 7.7.7.1, labels: {app: legacy}",
          ', annotations: {proxy.istio.io/health-checks-enabled: "true"}',
        ) +
        workload(
          "well",
          "address: 7.7.7.2, labels: {app: legacy}",
          ', annotations: {proxy.istio.io/health-checks-enabled: "true"}',
          '{conditions: [{type: Healthy, status: "True"}]}',
        ),
      lines: ["p0 / w1: 7.7.7.2 w1"],
    },
  ];
  for (const { title, yaml, lines, ports } of cases) {
    test(title, () => {
      const snapshot = snapshotOf(yaml);
      const cluster = "outbound|80||e.com";
      if (lines !== undefined) assert.deepEqual(endpointLines(snapshot, cluster), lines);
      if (ports === undefined) return;
      const rows = snapshot.endpoints.get(cluster)?.endpoints.flatMap(({ lbEndpoints }) => lbEndpoints) ?? [];
      const found = rows.map(({ hostIdentifier: { case: kind, value } }) => {
        const address = kind === "endpoint" ? value.address?.address : undefined;
        return address?.case === "socketAddress" ? address.value.portSpecifier.value : undefined;
      });
      assert.deepEqual(found, ports);
    });
  }

  const inline = (snapshot: ReturnType<typeof snapshotOf>, cluster: string) =>
    snapshot.clusters.get(cluster)?.loadAssignment?.endpoints.flatMap(({ lbEndpoints }) =>
      lbEndpoints.map(({ hostIdentifier: { case: kind, value } }) => {
        const address = kind === "endpoint" ? value.address?.address : undefined;
        return address?.case === "socketAddress" ? address.value.address : undefined;
      }),
    );

  test("each host of an entry by DNS stands for itself alone", () => {
    const snapshot = snapshotOf(
      entry("e", "hosts: [a.com, b.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]"),
    );
    assert.deepEqual(inline(snapshot, "outbound|80||a.com"), ["a.com"]);
    assert.deepEqual(inline(snapshot, "outbound|80||b.com"), ["b.com"]);
  });

  test("one name is looked up for DNS_ROUND_ROBIN, however many endpoints are written", () => {
    const snapshot = snapshotOf(
      entry(
        "e",
        `hosts: [e.com], resolution: DNS_ROUND_ROBIN, ports: [{number: 80, name: http, protocol: HTTP}],
         endpoints: [{address: one.com}, {address: two.com}]`,
      ),
    );
    assert.deepEqual(inline(snapshot, "outbound|80||e.com"), ["one.com"]);
  });

  test("a host that ServiceEntries of two namespaces keep to themselves has its own endpoints in each", () => {
    const written = (address: string) =>
      `hosts: [e.com], resolution: STATIC, exportTo: ["."], endpoints: [{address: ${address}, serviceAccount: sa}],
       location: MESH_INTERNAL, ports: [{number: 80, name: http, protocol: HTTP}]`;
    const yaml = entry("e", written("1.1.1.1")) + entry("e", written("2.2.2.2"), "other");
    for (const [namespace, address] of [
      ["sample", "1.1.1.1"],
      ["other", "2.2.2.2"],
    ] as const) {
      const snapshot = snapshotOf(yaml, proxyOf({ namespace }));
      assert.deepEqual(endpointLines(snapshot, "outbound|80||e.com"), [`p0 / w1: ${address} w1`]);
      const text = JSON.stringify(snapshot.clusters.get("outbound|80||e.com"), (_, value: unknown) =>
        typeof value === "bigint"
          ? String(value)
          : value instanceof Uint8Array
            ? Buffer.from(value).toString()
            : value,
      );
      assert.match(text, new RegExp(`spiffe://cluster.local/ns/${namespace}/sa/sa`));
      assert.doesNotMatch(text, new RegExp(`/ns/${namespace === "sample" ? "other" : "sample"}/sa/sa`));
    }
  });

  test("ServiceEntries of one namespace for one host are one service with the ports of both", () => {
    const written = (port: number) =>
      `hosts: [e.com], resolution: STATIC, endpoints: [{address: 1.1.1.1}], ports: [{number: ${port}, name: p${port}, protocol: TCP}]`;
    const { clusters } = snapshotOf(entry("one", written(1000)) + entry("two", written(2000)));
    assert.deepEqual(
      [...clusters.keys()].filter((name) => name.endsWith("e.com")),
      ["outbound|1000||e.com", "outbound|2000||e.com"],
    );
  });

  test("a target port of an entry that leaves destinations alone becomes the port that is dialled", () => {
    const { clusters } = snapshotOf(
      entry(
        "e",
        "hosts: [e.com], resolution: NONE, ports: [{number: 5432, name: tcp, protocol: TCP, targetPort: 5433}]",
      ),
    );
    const config = clusters.get("outbound|5432||e.com")?.lbConfig;
    assert.equal(
      config?.case === "originalDstLbConfig" ? config.value.upstreamPortOverride : undefined,
      5433,
    );
  });
});

suite("WorkloadEntries behind Kubernetes Services", () => {
  const ports = "{name: http, port: 80, targetPort: web}, {name: tcp, port: 90, targetPort: 9090}";
  const yaml =
    service("web", ["10.1.0.1"], ports) +
    workload("vm", "address: 7.7.7.7, labels: {app: web}, ports: {web: 8888}") +
    workload("vm-tcp", "address: 7.7.7.8, labels: {app: web}, ports: {tcp: 9999}");

  test("the Service's selector picks them, at their own port of the target port's name", () => {
    assert.deepEqual(endpointLines(snapshotOf(yaml), "outbound|80||web.sample.svc.cluster.local"), [
      "p0 / w2: 10.1.0.1 w1, 7.7.7.7 w1",
    ]);
  });

  test("a target port by number holds unless they have a port of the Service port's name", () => {
    const snapshot = snapshotOf(yaml);
    assert.deepEqual(endpointLines(snapshot, "outbound|90||web.sample.svc.cluster.local"), [
      "p0 / w2: 7.7.7.7 w1, 7.7.7.8 w1",
    ]);
  });
});

suite("changes of what ServiceEntries select", () => {
  const yaml =
    entry(
      "e",
      `hosts: [E.com], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: {labels: {app: legacy}},
       ports: [{number: 80, name: http, protocol: HTTP}]`,
    ) + service("web", ["10.1.0.1"]);

  test("a pod that becomes ready and a WorkloadEntry that comes change only the hosts that select them", () => {
    const objects = objectsOf(yaml + pod("p", "10.1.0.7", false));
    let world = createWorld(objects, fail);
    const lines = () => endpointLines(makeSnapshot(world, proxyOf(), fail), "outbound|80||e.com");
    assert.deepEqual(lines(), ["p0 / w1: 10.1.0.7 w1 unhealthy"]);
    const rules = world.rules;
    for (const [change, expected] of [
      [pod("p", "10.1.0.7", true), ["p0 / w1: 10.1.0.7 w1"]],
      [pod("q", "10.1.0.8", true, "{app: unrelated}"), ["p0 / w1: 10.1.0.7 w1"]],
    ] as const) {
      for (const object of parseObjects(change)) {
        const changes = putObject(objects, object);
        world = updateWorld(world, changes, fail);
        assert.deepEqual(lines(), expected);
      }
      assert.equal(world.rules, rules);
    }
    for (const object of parseObjects(workload("vm", "address: 7.7.7.7, labels: {app: legacy}"))) {
      const changes = putObject(objects, object);
      assert.deepEqual([...changes.hosts], ["e.com"]);
      assert.equal(changes.allEndpoints, false);
      world = updateWorld(world, changes, fail);
    }
    assert.deepEqual(lines(), ["p0 / w2: 7.7.7.7 w1, 10.1.0.7 w1"]);
  });
});

suite("addresses", () => {
  const yaml = entry(
    "e",
    "hosts: [e.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}, {number: 5432, name: tcp, protocol: TCP}]",
    "sample",
    'status: {addresses: [{value: 240.240.0.1, host: e.com}, {value: "2001:2::1", host: e.com}]}',
  );

  test("allocated addresses count where names are answered beside the proxy, in families that it can reach", () => {
    const plain = snapshotOf(yaml);
    assert.ok(plain.listeners.has("0.0.0.0_5432"));
    assert.deepEqual(plain.nameTable.table, {});
    const capturing = snapshotOf(yaml, { ...proxyOf(), dnsCapture: true });
    assert.ok(capturing.listeners.has("240.240.0.1_5432"));
    assert.deepEqual(capturing.nameTable.table["e.com"]?.ips, ["240.240.0.1"]);
    const dual = snapshotOf(yaml, { ...proxyOf(), dnsCapture: true, ipFamily: "dual" });
    assert.deepEqual(dual.nameTable.table["e.com"]?.ips, ["240.240.0.1", "2001:2::1"]);
  });

  test("who opts out of allocation does not use what was allocated before", () => {
    const objects = objectsOf(yaml);
    const before = objects.config.serviceEntries.get("sample/e");
    const labels = { "networking.istio.io/enable-autoallocate-ip": "False" };
    putObject(objects, { ...before, metadata: { ...before?.metadata, labels } } as ServiceEntry);
    const world = createWorld(objects, fail);
    const snapshot = makeSnapshot(world, { ...proxyOf(), dnsCapture: true }, fail);
    assert.deepEqual(snapshot.nameTable.table, {});
  });
});

suite("Services of type ExternalName", () => {
  const alias = (name: string, target: string) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: sample}
spec: {type: ExternalName, externalName: ${target}, ports: [{name: http, port: 80}]}
---`;
  const yaml =
    service("web", ["10.1.0.1"]) +
    alias("also", "web.sample.svc.cluster.local") +
    alias("again", "also.sample.svc.cluster.local") +
    alias("outside", "www.example.com") +
    alias("round", "about.sample.svc.cluster.local") +
    alias("about", "round.sample.svc.cluster.local");

  test("they are other names of what they stand for, through others too, and have no cluster of their own", () => {
    const { clusters, routes } = snapshotOf(yaml);
    assert.deepEqual(
      [...clusters.keys()].filter((name) => name.startsWith("outbound|")),
      ["outbound|80||web.sample.svc.cluster.local"],
    );
    const hosts = routes.get("80")?.virtualHosts.find(({ name }) => name.startsWith("web."))?.domains ?? [];
    for (const domain of ["also", "also.sample", "again.sample.svc.cluster.local"])
      assert.ok(hosts.includes(domain), domain);
    assert.deepEqual(
      routes.get("80")?.virtualHosts.map(({ name }) => name),
      ["web.sample.svc.cluster.local:80", "allow_any"],
    );
  });

  test("a route to one leads to what it stands for", () => {
    const { routes } = snapshotOf(`${yaml}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: sample}
spec: {hosts: [web], http: [{route: [{destination: {host: also}}]}]}
`);
    assert.equal(
      routeLines(routes.get("80"))[0],
      "web.sample.svc.cluster.local: / -> outbound|80||web.sample.svc.cluster.local",
    );
  });
});
