import assert from "node:assert/strict";
import { suite, test } from "vitest";
import type { KubeObject, Pod, Service } from "../../kube/index.ts";
import type { ClusterFacts, ServiceEntry, ServiceExport } from "./contracts.ts";
import { federate } from "./federate.ts";

const suffix = "global";

function service(
  name: string,
  namespace: string,
  ports: Service["spec"]["ports"] = [{ name: "http", port: 80 }],
) {
  const object: Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { ports },
  };
  return object;
}

function serviceExport(name: string, namespace: string): ServiceExport {
  return {
    apiVersion: "multicluster.x-k8s.io/v1alpha1",
    kind: "ServiceExport",
    metadata: { name, namespace },
  };
}

function cluster(name: string, facts: Partial<ClusterFacts> = {}): ClusterFacts {
  return {
    name,
    primary: name,
    isKnown: true,
    network: `net-${name}`,
    locality: undefined,
    gateway: {
      addresses: [`192.0.2.${name.charCodeAt(0)}`],
      port: 15_443,
      selector: { istio: "eastwestgateway" },
    },
    exports: [],
    exportedNamespaces: [],
    services: [],
    trustDomain: undefined,
    pods: [],
    serviceEntries: [],
    ...facts,
  };
}

/** What a cluster gets, in short: kinds with their hosts, endpoints with their ports. */
function summary(objects: readonly KubeObject[] = []): string[] {
  return objects.map(({ kind, metadata, spec }) => {
    // biome-ignore lint/suspicious/noExplicitAny: three kinds are told apart here
    const s = spec as any;
    if (kind === "ServiceEntry") {
      const endpoints = s.endpoints.map(
        (one: { address: string; ports: object }) => `${one.address}${JSON.stringify(one.ports)}`,
      );
      return `${kind} ${s.hosts} ${s.addresses} ${s.resolution} ${endpoints.join(" ")}`.trimEnd();
    }
    if (kind === "DestinationRule")
      return `${kind} ${s.host} ${s.trafficPolicy.portLevelSettings.map((one: { tls: { sni: string } }) => one.tls.sni)}`;
    return `${kind} ${metadata.name} ${s.servers[0].hosts}`;
  });
}

const shop = { exports: [serviceExport("cart", "shop")], services: [service("cart", "shop")] };

suite("federate()", () => {
  test("an exported Service becomes a host in every other cluster, and nothing else passes the exporter's gateway", () => {
    const { objects, exports } = federate(
      [
        cluster("a"),
        cluster("b", { ...shop, services: [...shop.services, service("secret", "shop")] }),
        cluster("c"),
      ],
      suffix,
    );
    const imported = [
      'ServiceEntry cart.shop.global 240.241.0.1 STATIC 192.0.2.98{"http":15443}',
      "DestinationRule cart.shop.global outbound_.80_._.cart.shop.svc.cluster.local",
    ];
    assert.deepEqual(summary(objects.get("a")), imported);
    assert.deepEqual(summary(objects.get("c")), imported);
    assert.deepEqual(summary(objects.get("b")), [
      "Gateway cross-network-gateway cart.shop.svc.cluster.local",
    ]);
    assert.deepEqual(
      exports.map(({ cluster, isReady, message }) => [cluster, isReady, message]),
      [["b", true, "other clusters reach it as cart.shop.global"]],
    );
  });

  test("two exporters of one name are one host with an endpoint each; to either it means the other", () => {
    const { objects } = federate([cluster("a"), cluster("b", shop), cluster("c", shop)], suffix);
    assert.deepEqual(summary(objects.get("a"))[0]?.split(" ").slice(3), [
      "STATIC",
      '192.0.2.98{"http":15443}',
      '192.0.2.99{"http":15443}',
    ]);
    assert.deepEqual(summary(objects.get("b"))[0]?.split(" ").slice(4), ['192.0.2.99{"http":15443}']);
    assert.deepEqual(summary(objects.get("c"))[0]?.split(" ").slice(4), ['192.0.2.98{"http":15443}']);
  });

  test("an annotated namespace exports all of its Services but aliases, and the API server's own never", () => {
    const alias = {
      ...service("alias", "shop"),
      spec: { type: "ExternalName" as const, externalName: "x.y" },
    };
    const { objects } = federate(
      [
        cluster("a"),
        cluster("b", {
          exportedNamespaces: ["shop", "default"],
          services: [
            service("cart", "shop"),
            service("stock", "shop"),
            alias,
            service("kubernetes", "default"),
          ],
        }),
      ],
      suffix,
    );
    const hosts = summary(objects.get("a")).filter((line) => line.startsWith("ServiceEntry"));
    assert.deepEqual(
      hosts.map((line) => line.split(" ")[1]),
      ["cart.shop.global", "stock.shop.global"],
    );
  });

  test("ports keep their protocols; one without a telling name is looked at by the proxies, UDP stays out", () => {
    const ports = [
      { name: "grpc-api", port: 9000 },
      { name: "web", port: 80, appProtocol: "http" },
      { port: 81 },
      { name: "odd", port: 82 },
      { name: "dns", port: 53, protocol: "UDP" as const },
    ];
    const { objects } = federate(
      [
        cluster("a"),
        cluster("b", { exports: [serviceExport("api", "shop")], services: [service("api", "shop", ports)] }),
      ],
      suffix,
    );
    const [entry] = (objects.get("a") ?? []) as readonly ServiceEntry[];
    assert.deepEqual(entry?.spec["ports"], [
      { number: 80, name: "web", protocol: "HTTP" },
      { number: 81, name: "port-81" },
      { number: 82, name: "odd" },
      { number: 9000, name: "grpc-api", protocol: "GRPC" },
    ]);
  });

  test("a gateway with a host name is resolved; one without an address gives the host no endpoint yet", () => {
    const named = cluster("b", {
      ...shop,
      gateway: { addresses: ["b.elb.example.com"], port: 443, selector: {} },
    });
    const waiting = cluster("b", { ...shop, gateway: { addresses: [], port: 15_443, selector: {} } });
    assert.match(
      summary(federate([cluster("a"), named], suffix).objects.get("a"))[0] ?? "",
      /DNS b\.elb\.example\.com\{"http":443\}$/,
    );
    const { objects, exports } = federate([cluster("a"), waiting], suffix);
    assert.equal(summary(objects.get("a"))[0], "ServiceEntry cart.shop.global 240.241.0.1 STATIC");
    assert.equal(exports[0]?.reason, "NoGatewayAddress");
  });

  for (const { what, facts, reason, says } of [
    {
      what: "of a Service that does not exist",
      facts: { exports: [serviceExport("messanger", "shop")], services: [service("messenger", "shop")] },
      reason: "NoService",
      says: "waiting for Service messanger.shop in b; there is a Service messenger",
    },
    {
      what: "of a cluster without a gateway for others",
      facts: { ...shop, gateway: undefined },
      reason: "NoGateway",
      says: "b has no gateway for other networks",
    },
  ])
    test(`an export ${what} says what it waits for`, () => {
      const { exports } = federate([cluster("a"), cluster("b", facts)], suffix);
      assert.deepEqual([exports[0]?.isReady, exports[0]?.reason, exports[0]?.message], [false, reason, says]);
    });

  test("addresses stay with their hosts, and those of other ServiceEntries are left alone", () => {
    const before = federate([cluster("a"), cluster("b", shop)], suffix).objects.get("a")?.[0] as ServiceEntry;
    const theirs = {
      ...before,
      metadata: { name: "theirs", namespace: "default" },
      spec: { hosts: ["theirs.example.com"], addresses: ["240.241.0.2"] },
    };
    const more = {
      exports: [serviceExport("aaa", "shop"), ...shop.exports],
      services: [service("aaa", "shop"), ...shop.services],
    };
    const { objects } = federate(
      [cluster("a", { serviceEntries: [before, theirs] }), cluster("b", more)],
      suffix,
    );
    const lines = summary(objects.get("a")).filter((line) => line.startsWith("ServiceEntry"));
    assert.deepEqual(
      lines.map((line) => line.split(" ").slice(1, 3)),
      [
        ["aaa.shop.global", "240.241.0.3"],
        ["cart.shop.global", "240.241.0.1"],
      ],
    );
  });

  test("what is held of a cluster that was not heard of yet is kept; what it turns out not to export goes", () => {
    const before = federate([cluster("a"), cluster("b", shop)], suffix).objects.get("a") ?? [];
    const holding = cluster("a", { serviceEntries: [before[0] as ServiceEntry] });
    const silent = federate([holding, cluster("b", { isKnown: false, gateway: undefined })], suffix);
    assert.deepEqual(summary(silent.objects.get("a")), summary(before));
    const heard = federate([holding, cluster("b")], suffix);
    assert.deepEqual(heard.objects.get("a"), []);
  });

  test("a remote's exports are opened and imported through its primary's API", () => {
    const remote = cluster("r", { ...shop, primary: "p" });
    const { objects } = federate([cluster("p"), remote, cluster("q")], suffix);
    assert.deepEqual(summary(objects.get("p")), [
      "Gateway cross-network-gateway-r cart.shop.svc.cluster.local",
    ]);
    assert.equal(summary(objects.get("q")).length, 2);
    assert.equal(objects.has("r"), false);
  });

  test("what a workspace offers is known where it says, and nowhere else", () => {
    const offers = ["b", "c"].map((name) => ({
      cluster: name,
      services: [service("cart", "shop")],
      workspace: "shop",
      from: "workspaces.shop",
      visibleIn: new Map([
        ["b", ["shop"]],
        ["c", ["shop", "front"]],
      ]),
    }));
    const { objects } = federate([cluster("a"), cluster("b"), cluster("c")], suffix, offers);
    const exportTo = (name: string) =>
      (objects.get(name) ?? [])
        .filter(({ kind }) => kind !== "Gateway")
        .map(({ spec }) => (spec as { exportTo?: string[] }).exportTo?.join());
    assert.deepEqual(["a", "b", "c"].map(exportTo), [[], ["shop", "shop"], ["front,shop", "front,shop"]]);
    assert.deepEqual(summary(objects.get("b"))[0]?.split(" ").slice(4), ['192.0.2.99{"http":15443}']);
  });

  test("GLOO-47 exporters of one name whose ports differ are told, and each port leads to those who have it", () => {
    const offers = [
      ["b", 80],
      ["c", 81],
    ].map(([name, port]) => ({
      cluster: String(name),
      services: [service("cart", "shop", [{ name: "http", port: Number(port) }])],
      workspace: "shop",
      from: "workspaces.shop",
      visibleIn: new Map([["a", ["shop"]]]),
    }));
    const { clashes } = federate([cluster("a"), cluster("b"), cluster("c")], suffix, offers);
    assert.deepEqual(clashes, [
      {
        host: "cart.shop.global",
        workspaces: ["shop"],
        message: "cart.shop.global has the ports 80/HTTP in b, but 81/HTTP in c",
      },
    ]);
  });

  suite("holds what answers for a name to the identities behind it", () => {
    const pod = (name: string, serviceAccountName?: string, labels = { app: "cart" }): Pod => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "shop", labels },
      spec: { containers: [], ...(serviceAccountName === undefined ? {} : { serviceAccountName }) },
    });
    const cart = service("cart", "shop");
    const selecting: Service = { ...cart, spec: { ...cart.spec, selector: { app: "cart" } } };
    const exporter = (name: string, facts: Partial<ClusterFacts> = {}) =>
      cluster(name, {
        exports: [serviceExport("cart", "shop")],
        services: [selecting],
        trustDomain: `td-${name}`,
        pods: [pod("one", "cart"), pod("two"), pod("other", "stranger", { app: "other" })],
        ...facts,
      });
    const importer = cluster("a", { trustDomain: "td-a" });
    const both = ["spiffe://td-b/ns/shop/sa/cart", "spiffe://td-b/ns/shop/sa/default"];
    const cases = [
      { what: "the accounts of its pods", clusters: [importer, exporter("b")], is: both },
      {
        what: "of all exporters",
        clusters: [importer, exporter("b"), exporter("c", { pods: [pod("one", "cart")] })],
        is: [...both, "spiffe://td-c/ns/shop/sa/cart"],
      },
      {
        what: "nobody in particular where they share the trust domain",
        clusters: [importer, exporter("b", { trustDomain: "td-a" })],
        is: undefined,
      },
      {
        what: "nobody in particular while no pod is there",
        clusters: [importer, exporter("b", { pods: [] })],
        is: undefined,
      },
      {
        what: "nobody in particular where endpoints are written by hand",
        clusters: [importer, exporter("b", { services: [cart] })],
        is: undefined,
      },
      {
        what: "nobody in particular while a trust domain is not known",
        clusters: [importer, exporter("b"), exporter("c", { trustDomain: undefined })],
        is: undefined,
      },
    ];
    for (const { what, clusters, is } of cases)
      test(what, () => {
        const objects = federate(clusters, suffix).objects.get("a") ?? [];
        const specs = objects.flatMap(({ kind, spec }) =>
          kind === "DestinationRule" ? [spec as RuleSpec] : [],
        );
        const [setting] = specs.flatMap(({ trafficPolicy }) => trafficPolicy.portLevelSettings);
        assert.ok(setting !== undefined);
        assert.deepEqual(setting.tls.subjectAltNames, is);
      });
  });
});

interface RuleSpec {
  readonly trafficPolicy: {
    readonly portLevelSettings: readonly { readonly tls: { readonly subjectAltNames?: readonly string[] } }[];
  };
}
