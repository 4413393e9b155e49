import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { suite, test } from "vitest";
import { issueCertificate } from "../../pki/index.ts";
import { clusterTable } from "./clusters.ts";
import { listenerTable } from "./listeners.ts";
import { routeTable } from "./routes.ts";
import { secretTable } from "./secrets.ts";

const dump = (type: string, section: object) => ({
  configs: [
    { "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump" },
    { "@type": `type.googleapis.com/envoy.admin.v3.${type}`, ...section },
  ],
});
const from = (kind: string, name: string) => ({
  filter_metadata: { istio: { config: `/apis/networking.istio.io/v1/namespaces/sample/${kind}/${name}` } },
});

suite("clusterTable()", () => {
  const clusters = dump("ClustersConfigDump", {
    dynamic_active_clusters: [
      { cluster: { name: "outbound|5000|v2|hello.sample.svc.cluster.local", type: "EDS" } },
      {
        cluster: {
          name: "outbound|5000||hello.sample.svc.cluster.local",
          type: "EDS",
          metadata: from("destination-rule", "hello"),
        },
      },
      { cluster: { name: "outbound_.5000_._.hello.sample.svc.cluster.local", type: "EDS" } },
    ],
    static_clusters: [{ cluster: { name: "agent" } }],
  });

  test("takes names apart, says what rules them, and sorts by service and subset", () => {
    assert.deepEqual(clusterTable(clusters).rows, [
      ["agent", "-", "-", "-", "STATIC", ""],
      ["hello.sample.svc.cluster.local", "5000", "-", "outbound", "EDS", "hello.sample"],
      ["hello.sample.svc.cluster.local", "5000", "v2", "outbound", "EDS", ""],
      ["outbound_.5000_._.hello.sample.svc.cluster.local", "-", "-", "-", "EDS", ""],
    ]);
  });
  test("gives only those with the wanted text in their names", () => {
    const { rows, resources } = clusterTable(clusters, "|v2|");
    assert.deepEqual(
      [rows.length, resources[0]?.["name"]],
      [1, "outbound|5000|v2|hello.sample.svc.cluster.local"],
    );
  });
});

suite("listenerTable()", () => {
  const typed = (name: string, config: object) => ({
    typed_config: { "@type": `type.googleapis.com/envoy.extensions.filters.network.x.v3.${name}`, ...config },
  });
  const table = (chains: object[], more: object = {}) =>
    listenerTable(
      dump("ListenersConfigDump", {
        dynamic_listeners: [
          {
            active_state: {
              listener: {
                name: "l",
                address: { socket_address: { address: "0.0.0.0", port_value: 80 } },
                filter_chains: chains,
                ...more,
              },
            },
          },
        ],
      }),
    ).rows.map(([, , match, destination]) => [match, destination]);
  const toCluster = (cluster: string) => typed("TcpProxy", { cluster });
  const inline = (virtual_hosts: object[]) =>
    typed("HttpConnectionManager", { route_config: { virtual_hosts } });
  const all = { match: { prefix: "/" }, route: { cluster: "inbound|80||" } };
  const cases: readonly { title: string; chain: object; row: readonly [string, string] }[] = [
    { title: "no filter", chain: {}, row: ["ALL", "Non-HTTP/Non-TCP"] },
    {
      title: "what goes nowhere",
      chain: { filter_chain_match: { destination_port: 15001 }, filters: [toCluster("BlackHoleCluster")] },
      row: ["Addr: *:15001", "Non-HTTP/Non-TCP"],
    },
    {
      title: "ranges and a port",
      chain: {
        filter_chain_match: {
          prefix_ranges: [{ address_prefix: "10.0.0.1", prefix_len: 32 }],
          destination_port: 80,
        },
        filters: [toCluster("outbound|80||a")],
      },
      row: ["Addr: 10.0.0.1/32:80", "Cluster: outbound|80||a"],
    },
    {
      title: "server names and protocols by their word",
      chain: {
        filter_chain_match: {
          server_names: ["a", "b"],
          transport_protocol: "tls",
          application_protocols: ["istio-peer-exchange", "istio"],
        },
        filters: [toCluster("PassthroughCluster")],
      },
      row: ["SNI: a,b; Trans: tls; App: TCP TLS", "PassthroughCluster"],
    },
    {
      title: "routes over RDS",
      chain: { filters: [typed("HttpConnectionManager", { rds: { route_config_name: "80" } })] },
      row: ["ALL", "Route: 80"],
    },
    {
      title: "one route for all",
      chain: { filters: [inline([{ domains: ["*"], routes: [all] }])] },
      row: ["ALL", "Cluster: inbound|80||"],
    },
    {
      title: "several routes",
      chain: {
        filters: [
          inline([
            { domains: ["a.example"], routes: [{ match: { path: "/x" } }, { match: { prefix: "/y" } }] },
            { domains: ["*"], routes: [{ match: { safe_regex: { regex: "/z.*" } } }] },
          ]),
        ],
      },
      row: ["ALL", "Inline Route: a.example /x, /y*; regex /z.*"],
    },
  ];
  for (const { title, chain, row } of cases)
    test(`${title}: ${row.join(" to ")}`, () => assert.deepEqual(table([chain]), [row]));
  test("the default chain comes along", () => {
    const rows = table([], { default_filter_chain: { filters: [toCluster("PassthroughCluster")] } });
    assert.deepEqual(rows, [["ALL", "PassthroughCluster"]]);
  });
});

suite("routeTable()", () => {
  const table = (...configs: object[]) =>
    routeTable(
      dump("RoutesConfigDump", { dynamic_route_configs: configs.map((one) => ({ route_config: one })) }),
    ).rows;

  test("shortens domains, names the VirtualService, and sorts ports by number", () => {
    const domains = [
      "hello.sample.svc.cluster.local",
      "hello",
      "hello.sample.svc",
      "hello.sample",
      "10.1.0.9",
    ];
    const rows = table(
      { name: "inbound", virtual_hosts: [{ name: "all", domains: ["*"] }] },
      {
        name: "5000",
        virtual_hosts: [
          {
            name: "hello:5000",
            domains: domains.flatMap((domain) => [domain, `${domain}:5000`]),
            routes: [{ match: { prefix: "/" }, route: {}, metadata: from("virtual-service", "hello") }],
          },
          { name: "allow_any", domains: ["*"], routes: [{ route: { cluster: "PassthroughCluster" } }] },
        ],
      },
      { name: "80", virtual_hosts: [{ name: "a", domains: ["a"], routes: [{ match: { path: "/a" } }] }] },
    );
    assert.deepEqual(rows, [
      ["80", "a", "a", "/a", ""],
      ["5000", "hello:5000", "hello, hello.sample + 1 more...", "/*", "hello.sample"],
      ["inbound", "all", "*", "/*", "404"],
    ]);
  });
});

suite("secretTable()", () => {
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const day = 86_400_000;
  const now = Math.floor(Date.now() / 1000) * 1000;
  const pem = (notAfter: number, ca?: object) =>
    issueCertificate(
      {
        publicKey: key.publicKey,
        subject: { organizations: ["test"] },
        notBefore: now - day,
        notAfter,
        ...(ca === undefined ? {} : { ca }),
      },
      { selfKey: key.privateKey },
    );
  const inline = (text: string) => ({ inline_bytes: Buffer.from(text).toString("base64") });
  const rows = secretTable(
    dump("SecretsConfigDump", {
      dynamic_active_secrets: [
        { name: "default", secret: { tls_certificate: { certificate_chain: inline(pem(now + day)) } } },
        { name: "ROOTCA", secret: { validation_context: { trusted_ca: inline(pem(now + day, {})) } } },
        { name: "old", secret: { tls_certificate: { certificate_chain: inline(pem(now - 1000)) } } },
      ],
      dynamic_warming_secrets: [{ name: "kubernetes://front" }],
    }),
  ).rows;

  test("says of each whether it is there, valid, and a root", () => {
    assert.deepEqual(
      rows.map((row) => row.slice(0, 4)),
      [
        ["kubernetes://front", "", "WARMING", "false"],
        ["default", "Cert Chain", "ACTIVE", "true"],
        ["ROOTCA", "CA", "ACTIVE", "true"],
        ["old", "Cert Chain", "ACTIVE", "false"],
      ],
    );
    const [, , , , serial, after] = rows[1] ?? [];
    assert.match(serial ?? "", /^[0-9a-f]{32,40}$/);
    assert.equal(Date.parse(after ?? ""), now + day);
  });
});
