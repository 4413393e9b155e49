import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { makeSnapshot } from "./snapshot.ts";
import { assertShows, shownHost, shownListener } from "./test-support/as-json.ts";
import { chainLines } from "./test-support/describe.ts";
import { proxyOf, service, snapshotOf, worldOf } from "./test-support/make-world.ts";

const edge = proxyOf({ type: "router", labels: { istio: "edge" } });
const gateway = (name: string, servers: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ${name}, namespace: sample}
spec: {selector: {istio: edge}, servers: [${servers}]}
---
`;
const everything = `${service("web")}${service("db", [], "{name: tcp, port: 3306, appProtocol: tcp}")}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: sample}
spec:
  hosts: ["*"]
  gateways: [a, b]
  http: [{route: [{destination: {host: web, port: {number: 80}}}]}]
  tcp: [{route: [{destination: {host: db}}]}]
---
`;
const http = (host: string, more = "") =>
  `{port: {number: 7000, name: http, protocol: HTTP}, hosts: [${host}]${more}}`;
const tcp = (host: string, more = "") =>
  `{port: {number: 7000, name: tcp, protocol: TCP}, hosts: [${host}]${more}}`;
const https = (host: string, name = "https", more = "") =>
  `{port: {number: 7000, name: ${name}, protocol: HTTPS}, hosts: [${host}], tls: {mode: SIMPLE, credentialName: c}${more}}`;

suite("servers of several Gateways on one port", () => {
  const cases: readonly {
    readonly first: string;
    readonly second: string;
    readonly chains: readonly string[];
    readonly problem?: string;
  }[] = [
    { first: http("a.org"), second: http("b.org"), chains: ["any: http"] },
    { first: https("a.org"), second: https("b.org", "other"), chains: ["a.org: http", "b.org: http"] },
    { first: https("a.org"), second: http("b.org"), chains: ["a.org: http", "any: http"] },
    { first: https("a.org"), second: tcp("b.org"), chains: ["a.org: http", "any: tcp"] },
    {
      first: http("a.org"),
      second: https("b.org"),
      chains: ["any: http"],
      problem: "port 7000 is used with another protocol already",
    },
    {
      first: http("a.org"),
      second: tcp("b.org"),
      chains: ["any: http"],
      problem: "port 7000 is used with another protocol already",
    },
    {
      first: tcp("a.org"),
      second: tcp("b.org"),
      chains: ["any: tcp"],
      problem: "port 7000 is used already",
    },
    {
      first: https("a.org, b.org"),
      second: https("b.org, c.org", "other"),
      chains: ["a.org,b.org: http"],
      problem: "host b.org is served on port 7000 already",
    },
    {
      first: http('"*"', ", tls: {httpsRedirect: true}"),
      second: http('"*"', ", tls: {httpsRedirect: true}"),
      chains: ["any: http"],
      problem: "host * is served on port 7000 already",
    },
  ];
  for (const { first, second, chains, problem } of cases) {
    test(`${first} and ${second}: ${chains.join("; ")}${problem === undefined ? "" : `, and ${problem}`}`, () => {
      const problems: string[] = [];
      const world = worldOf(everything + gateway("a", first) + gateway("b", second));
      const snapshot = makeSnapshot(world, edge, (text) => problems.push(text));
      const found = chainLines(snapshot.listeners.get("0.0.0.0_7000")).map((line) => {
        const [, names] = /^ *\/(.*?)\//.exec(line) ?? [];
        return `${names === "" ? "any" : names}: ${line.includes("http_connection") ? "http" : "tcp"}`;
      });
      assert.deepEqual(found, chains);
      assert.deepEqual(problems, problem === undefined ? [] : [`gateway sample/b: ${problem}`]);
    });
  }

  test("TLS passes through where nothing else is said of it", () => {
    const snapshot = snapshotOf(
      `${everything}${gateway("a", "{port: {number: 7000, name: https, protocol: HTTPS}, hosts: [a.org], tls: {}}")}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tls, namespace: sample}
spec: {hosts: [a.org], gateways: [a], tls: [{match: [{sniHosts: [a.org]}], route: [{destination: {host: db}}]}]}
`,
      edge,
    );
    assert.match(chainLines(snapshot.listeners.get("0.0.0.0_7000")).join(), /^ \/a\.org\/: .*tcp_proxy$/);
  });

  test("at different addresses they have nothing to do with each other", () => {
    const snapshot = snapshotOf(
      everything +
        gateway("a", http("a.org", ", bind: 10.0.0.1")) +
        gateway("b", `${tcp("a.org", ", bind: 10.0.0.2")}, ${https("a.org", "https", ", bind: 10.0.0.3")}`),
      edge,
    );
    assert.deepEqual([...snapshot.listeners.keys()].sort(), [
      "10.0.0.1_7000",
      "10.0.0.2_7000",
      "10.0.0.3_7000",
    ]);
    assert.ok(snapshot.routes.has("http.7000.10.0.0.1"));
  });
});

suite("whose hosts a server has", () => {
  const rule = (namespace: string, host: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: ${namespace}}
spec: {hosts: ["${host}"], gateways: [sample/a], http: [{route: [{destination: {host: web.sample.svc.cluster.local}}]}]}
---
`;
  const cases = [
    { server: "*.example.com", rule: ["other", "shop.example.com"], host: "shop.example.com" },
    { server: "shop.example.com", rule: ["other", "*.example.com"], host: "shop.example.com" },
    { server: "other/*.example.com", rule: ["other", "shop.example.com"], host: "shop.example.com" },
    { server: "other/*.example.com", rule: ["third", "shop.example.com"], host: undefined },
    { server: "./*.example.com", rule: ["sample", "shop.example.com"], host: "shop.example.com" },
    { server: "./*.example.com", rule: ["other", "shop.example.com"], host: undefined },
    { server: "*/*.example.com", rule: ["other", "shop.example.com"], host: "shop.example.com" },
    { server: "*", rule: ["other", "shop.example.org"], host: "shop.example.org" },
    { server: "*.example.com", rule: ["other", "shop.example.org"], host: undefined },
  ] as const;
  for (const { server, rule: written, host } of cases) {
    test(`"${server}" and "${written[1]}" of ${written[0]}: ${host ?? "nothing"}`, () => {
      const snapshot = snapshotOf(
        service("web") + gateway("a", http(`"${server}"`)) + rule(written[0], written[1]),
        edge,
      );
      const domains = snapshot.routes.get("http.7000")?.virtualHosts.flatMap((found) => found.domains);
      assert.deepEqual(domains, host === undefined ? ["*"] : [host]);
      if (host === undefined)
        assert.equal(snapshot.routes.get("http.7000")?.virtualHosts[0]?.routes.length, 0);
    });
  }
});

suite("routes of a port", () => {
  const rule = (name: string, created: number, spec: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}, namespace: sample, creationTimestamp: "2026-01-0${created}T00:00:00Z"}
spec: {gateways: [a], ${spec}}
---
`;
  const to = "route: [{destination: {host: web}}]";

  test("several VirtualServices of one host stand by age, and what takes everything comes last", () => {
    const snapshot = snapshotOf(
      service("web") +
        gateway("a", http('"*"')) +
        rule("young", 2, `hosts: [a.org], http: [{name: young, match: [{uri: {prefix: /y}}], ${to}}]`) +
        rule(
          "old",
          1,
          `hosts: [a.org], http: [{name: old, match: [{uri: {prefix: /o}}], ${to}}, {name: rest, ${to}}]`,
        ),
      edge,
    );
    assertShows(shownHost(snapshot, "http.7000", "a.org"), {
      routes: [{ name: "old" }, { name: "young" }, { name: "rest" }],
    });
  });

  test("hosts with the same routes share a virtual host", () => {
    const snapshot = snapshotOf(
      service("web") +
        gateway("a", http('"*"')) +
        rule("both", 1, `hosts: [a.org, "*.a.org", bb.org, c.org], http: [{${to}}]`) +
        rule("one", 2, `hosts: [c.org], http: [{match: [{uri: {prefix: /c}}], ${to}}]`),
      edge,
    );
    assertShows(shownHost(snapshot, "http.7000", "a.org"), {
      name: "bb.org:7000",
      domains: ["bb.org", "a.org", "*.a.org"],
    });
    assertShows(shownHost(snapshot, "http.7000", "c.org"), { domains: ["c.org"] });
  });

  test("httpsRedirect holds for every host of the server, with routes or without", () => {
    const snapshot = snapshotOf(
      service("web") +
        gateway("a", http("a.org, sample/b.org", ", tls: {httpsRedirect: true}")) +
        rule("web", 1, `hosts: [a.org], http: [{${to}}]`),
      edge,
    );
    for (const host of ["a.org", "b.org"])
      assertShows(shownHost(snapshot, "http.7000", host), { requireTls: "ALL" });
  });
});

suite("TLS of a server", () => {
  const cases = [
    {
      tls: "mode: SIMPLE, credentialName: c",
      shows: {
        requireClientCertificate: false,
        commonTlsContext: {
          tlsCertificateSdsSecretConfigs: [{ name: "kubernetes://c" }],
          combinedValidationContext: undefined,
          alpnProtocols: ["h2", "http/1.1"],
          tlsParams: undefined,
        },
      },
    },
    {
      tls: "mode: SIMPLE, credentialNames: [rsa, ecdsa]",
      shows: {
        commonTlsContext: {
          tlsCertificateSdsSecretConfigs: [{ name: "kubernetes://rsa" }, { name: "kubernetes://ecdsa" }],
        },
      },
    },
    {
      tls: "mode: MUTUAL, credentialName: c, subjectAltNames: [a], verifyCertificateSpki: [s], verifyCertificateHash: [h]",
      shows: {
        requireClientCertificate: true,
        commonTlsContext: {
          combinedValidationContext: {
            defaultValidationContext: {
              matchSubjectAltNames: [{ exact: "a" }],
              verifyCertificateSpki: ["s"],
              verifyCertificateHash: ["h"],
            },
            validationContextSdsSecretConfig: { name: "kubernetes://c-cacert" },
          },
        },
      },
    },
    {
      tls: "mode: OPTIONAL_MUTUAL, credentialName: c, caCertCredentialName: roots",
      shows: {
        requireClientCertificate: false,
        commonTlsContext: {
          combinedValidationContext: { validationContextSdsSecretConfig: { name: "kubernetes://roots" } },
        },
      },
    },
    {
      tls: "mode: MUTUAL, serverCertificate: /c.pem, privateKey: /k.pem, caCertificates: /ca.pem, caCrl: /crl.pem, insecureSkipVerify: true",
      shows: {
        commonTlsContext: {
          tlsCertificateSdsSecretConfigs: [{ name: "file-cert:/c.pem~/k.pem" }],
          combinedValidationContext: {
            defaultValidationContext: {
              crl: { filename: "/crl.pem" },
              trustChainVerification: "ACCEPT_UNTRUSTED",
            },
            validationContextSdsSecretConfig: { name: "file-root:/ca.pem" },
          },
        },
      },
    },
    {
      tls: "mode: SIMPLE, tlsCertificates: [{serverCertificate: /a.pem, privateKey: /a.key}, {serverCertificate: /b.pem, privateKey: /b.key}]",
      shows: {
        commonTlsContext: {
          tlsCertificateSdsSecretConfigs: [
            { name: "file-cert:/a.pem~/a.key" },
            { name: "file-cert:/b.pem~/b.key" },
          ],
        },
      },
    },
    {
      tls: "mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_3, cipherSuites: [AES128-SHA, NO-SUCH, AES128-SHA]",
      shows: {
        commonTlsContext: {
          tlsParams: {
            tlsMinimumProtocolVersion: "TLSv1_2",
            tlsMaximumProtocolVersion: "TLSv1_3",
            cipherSuites: ["AES128-SHA"],
          },
        },
      },
    },
    {
      tls: "mode: ISTIO_MUTUAL, minProtocolVersion: TLSV1_3",
      shows: {
        requireClientCertificate: true,
        commonTlsContext: {
          tlsParams: undefined,
          tlsCertificateSdsSecretConfigs: [{ name: "default" }],
          combinedValidationContext: { validationContextSdsSecretConfig: { name: "ROOTCA" } },
        },
      },
    },
  ];
  test.for(cases)("$tls", ({ tls, shows }) => {
    const server = `{port: {number: 7000, name: https, protocol: HTTPS}, hosts: [a.org], tls: {${tls}}}`;
    assertShows(shownListener(snapshotOf(everything + gateway("a", server), edge), "0.0.0.0_7000"), {
      filterChains: [
        { filterChainMatch: { serverNames: ["a.org"] }, transportSocket: { typedConfig: shows } },
      ],
    });
  });

  test("mesh mTLS with TCP in it says first who calls", () => {
    const server =
      "{port: {number: 7000, name: tls, protocol: TLS}, hosts: [a.org], tls: {mode: ISTIO_MUTUAL}}";
    assertShows(shownListener(snapshotOf(everything + gateway("a", server), edge), "0.0.0.0_7000"), {
      filterChains: [
        {
          transportSocket: {
            typedConfig: { commonTlsContext: { alpnProtocols: ["istio-peer-exchange", "h2", "http/1.1"] } },
          },
          filters: [
            { name: "istio.metadata_exchange" },
            { typedConfig: { cluster: "outbound|3306||db.sample.svc.cluster.local" } },
          ],
        },
      ],
    });
  });
});
