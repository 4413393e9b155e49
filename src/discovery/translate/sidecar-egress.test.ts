import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { proxyOf, service, snapshotOf } from "./test-support/make-world.ts";

const sidecar = (spec: string, namespace = "sample") => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: ${namespace}}
spec: {${spec}}
---`;
const entry = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out, namespace: other}
spec: {hosts: [a.example.com, b.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}
---`;
const mesh = service("web", ["10.1.0.1"]) + service("api", ["10.1.0.2"]) + entry;

/** Hosts that a client in "sample" has clusters for, shortened. */
const hostsOf = (yaml: string, proxy = proxyOf()) =>
  [...snapshotOf(yaml, proxy).clusters.keys()]
    .filter((name) => name.startsWith("outbound|"))
    .map((name) => name.split("|")[3]?.replace(".sample.svc.cluster.local", ""))
    .sort();

suite("hosts that a Sidecar imports", () => {
  const cases = [
    { hosts: "'./*'", expected: ["api", "web"] },
    { hosts: "'other/*'", expected: ["a.example.com", "b.example.com"] },
    { hosts: "'*/a.example.com'", expected: ["a.example.com"] },
    {
      hosts: "'other/*.example.com', './api.sample.svc.cluster.local'",
      expected: ["a.example.com", "api", "b.example.com"],
    },
    { hosts: "'~/*'", expected: [] },
    { hosts: "'*/*', '~other/b.example.com'", expected: ["a.example.com", "api", "web"] },
    { hosts: "'*/*', '~./*'", expected: ["a.example.com", "b.example.com"] },
    { hosts: "'other/web.sample.svc.cluster.local'", expected: [] },
  ];
  for (const { hosts, expected } of cases) {
    test(`${hosts} brings in ${expected.join(", ") || "nothing"}`, () => {
      assert.deepEqual(hostsOf(mesh + sidecar(`egress: [{hosts: [${hosts}]}]`)), expected);
    });
  }

  test("the root namespace's Sidecar holds where a namespace has none of its own", () => {
    const root = sidecar("egress: [{hosts: ['./*']}]", "istio-system");
    assert.deepEqual(hostsOf(mesh + root), ["api", "web"]);
    assert.deepEqual(hostsOf(mesh + root + sidecar("egress: [{hosts: ['other/*']}]")), [
      "a.example.com",
      "b.example.com",
    ]);
  });

  test("one with a selector comes before the namespace's general one", () => {
    const chosen = `${sidecar("egress: [{hosts: ['./*']}]")}
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: chosen, namespace: sample}
spec: {workloadSelector: {labels: {app: shop}}, egress: [{hosts: ['other/*']}]}
---`;
    assert.deepEqual(hostsOf(mesh + chosen), ["api", "web"]);
    assert.deepEqual(hostsOf(mesh + chosen, proxyOf({ labels: { app: "shop" } })), [
      "a.example.com",
      "b.example.com",
    ]);
  });
});

suite("services that imported VirtualServices lead to", () => {
  const rule = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: sample}
spec: {hosts: [web], http: [{route: [{destination: {host: api, port: {number: 81}}}]}]}
---`;
  const api = service(
    "api",
    ["10.1.0.2"],
    "{name: http, port: 80}, {name: http-b, port: 81}, {name: tcp, port: 90}",
  );
  const yaml =
    service("web", ["10.1.0.1"]) +
    api +
    rule +
    sidecar("egress: [{hosts: ['./web.sample.svc.cluster.local']}]");

  test("they have clusters on the ports that are meant, and no listeners, hosts or names", () => {
    const { clusters, listeners, routes, nameTable } = snapshotOf(yaml);
    assert.deepEqual(
      [...clusters.keys()].filter((name) => name.includes("api")),
      ["outbound|81||api.sample.svc.cluster.local"],
    );
    assert.equal(listeners.has("10.96.0.3_90"), false);
    assert.deepEqual(
      routes.get("80")?.virtualHosts.map(({ name }) => name),
      ["web.sample.svc.cluster.local:80", "allow_any"],
    );
    assert.deepEqual(Object.keys(nameTable.table), ["web.sample.svc.cluster.local"]);
  });
});

suite("egress listeners with a port", () => {
  test("they show only that port, and the listener for all the rest the others", () => {
    const two = service("web", ["10.1.0.1"], "{name: http, port: 80}, {name: tcp, port: 90}");
    const { clusters, listeners, routes } = snapshotOf(
      two +
        entry +
        sidecar(`egress: [
          {port: {number: 80, protocol: HTTP, name: http}, hosts: ['other/*']},
          {port: {number: 90, protocol: TCP, name: tcp}, bind: 127.0.0.9, captureMode: NONE, hosts: ['./*']},
          {hosts: ['./*']}]`),
    );
    assert.deepEqual(
      routes.get("80")?.virtualHosts.map(({ name }) => name),
      ["a.example.com:80", "b.example.com:80", "allow_any"],
    );
    assert.ok(clusters.has("outbound|80||web.sample.svc.cluster.local"));
    assert.ok(clusters.has("outbound|90||web.sample.svc.cluster.local"));
    // Not intercepted, so opened by the proxy itself.
    assert.equal(listeners.get("127.0.0.9_90")?.bindToPort, undefined);
    assert.equal(listeners.get("0.0.0.0_80")?.bindToPort, false);
  });

  test("one for an HTTP proxy knows the hosts of all ports, by host and port", () => {
    const { routes, listeners } = snapshotOf(
      service("web", ["10.1.0.1"], "{name: http, port: 80}, {name: http-b, port: 8080}") +
        sidecar(`egress: [
          {port: {number: 3128, protocol: HTTP_PROXY, name: proxy}, bind: 127.0.0.1, captureMode: NONE, hosts: ['*/*']},
          {hosts: ['./*']}]`),
    );
    assert.ok(listeners.has("127.0.0.1_3128"));
    const hosts = routes.get("3128")?.virtualHosts ?? [];
    assert.deepEqual(
      hosts.map(({ name }) => name),
      ["web.sample.svc.cluster.local:80", "web.sample.svc.cluster.local:8080", "allow_any"],
    );
    const domains = (port: number) => hosts.find(({ name }) => name.endsWith(`local:${port}`))?.domains ?? [];
    assert.ok(domains(80).includes("web") && domains(80).includes("web:80"));
    assert.ok(!domains(8080).includes("web") && domains(8080).includes("web:8080"));
  });
});

suite("what is for nobody in the mesh", () => {
  const unknown = (spec: string) => {
    const { routes } = snapshotOf(mesh + sidecar(`egress: [{hosts: ['*/*']}]${spec}`));
    const action = routes.get("80")?.virtualHosts.find(({ domains }) => domains[0] === "*")
      ?.routes[0]?.action;
    return action?.case === "route" && action.value.clusterSpecifier.case === "cluster"
      ? action.value.clusterSpecifier.value
      : action?.case;
  };
  test("goes where it was meant to, nowhere, or to the egress proxy, as the Sidecar says", () => {
    assert.equal(unknown(""), "PassthroughCluster");
    assert.equal(unknown(", outboundTrafficPolicy: {mode: REGISTRY_ONLY}"), "directResponse");
    assert.equal(
      unknown(
        ", outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.example.com, port: {number: 80}}}",
      ),
      "outbound|80||a.example.com",
    );
  });
});
