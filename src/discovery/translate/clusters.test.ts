import { suite, test } from "vitest";
import { assertShows, shownCluster, shownListener } from "./test-support/as-json.ts";
import { proxyOf, service, snapshotOf } from "./test-support/make-world.ts";

const host = "web.sample.svc.cluster.local";
const web = (subset = "") => `outbound|80|${subset}|${host}`;
const rule = (policy: string, more = "") => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: sample}
spec: {host: web, trafficPolicy: {${policy}}, subsets: [{name: v1, labels: {version: v1}}]${more}}
---
`;
const http = (options: object) => ({
  typedExtensionProtocolOptions: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options },
});

suite("what a DestinationRule's traffic policy makes of a cluster", () => {
  const unlimited = 4_294_967_295;
  const status = (exact: string) => ({
    httpResponseHeadersMatch: { headers: [{ name: ":status", stringMatch: { exact } }] },
  });
  const cases = [
    {
      policy:
        "connectionPool: {tcp: {maxConnections: 100, connectTimeout: 30ms, maxConnectionDuration: 1h, tcpKeepalive: {probes: 3, time: 7200s, interval: 75s}}, http: {http1MaxPendingRequests: 10, http2MaxRequests: 11, maxRetries: 12, maxRequestsPerConnection: 13, idleTimeout: 14s}}",
      shows: {
        connectTimeout: "0.030s",
        circuitBreakers: {
          thresholds: [{ maxConnections: 100, maxPendingRequests: 10, maxRequests: 11, maxRetries: 12 }],
        },
        upstreamConnectionOptions: {
          tcpKeepalive: { keepaliveProbes: 3, keepaliveTime: 7200, keepaliveInterval: 75 },
        },
        ...http({
          commonHttpProtocolOptions: {
            idleTimeout: "14s",
            maxConnectionDuration: "3600s",
            maxRequestsPerConnection: 13,
          },
          explicitHttpConfig: { httpProtocolOptions: {} },
        }),
      },
    },
    {
      policy:
        "connectionPool: {http: {h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 5, http2KeepAlive: {interval: 10s, timeout: 2s}}}",
      shows: http({
        explicitHttpConfig: {
          http2ProtocolOptions: {
            maxConcurrentStreams: 5,
            connectionKeepalive: { interval: "10s", timeout: "2s" },
          },
        },
      }),
    },
    {
      policy: "connectionPool: {http: {useClientProtocol: true}}",
      shows: http({ useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: {} } }),
    },
    {
      policy: "retryBudget: {percent: 33.3, minRetryConcurrency: 10, budgetInterval: 15s}",
      shows: {
        circuitBreakers: {
          thresholds: [
            {
              maxRetries: unlimited,
              retryBudget: { budgetPercent: { value: 33.3 }, minRetryConcurrency: 10, budgetInterval: "15s" },
            },
          ],
        },
      },
    },
    {
      policy:
        "outlierDetection: {consecutive5xxErrors: 3, consecutiveGatewayErrors: 0, consecutiveLocalOriginFailures: 5, splitExternalLocalOriginErrors: true, interval: 6s, baseEjectionTime: 7s, maxEjectionPercent: 8, minHealthPercent: 9}",
      shows: {
        outlierDetection: {
          consecutive5xx: 3,
          enforcingConsecutive5xx: 100,
          consecutiveGatewayFailure: 0,
          enforcingConsecutiveGatewayFailure: 0,
          splitExternalLocalOriginErrors: true,
          consecutiveLocalOriginFailure: 5,
          enforcingConsecutiveLocalOriginFailure: 100,
          enforcingLocalOriginSuccessRate: 0,
          enforcingSuccessRate: 0,
          interval: "6s",
          baseEjectionTime: "7s",
          maxEjectionPercent: 8,
        },
        commonLbConfig: { healthyPanicThreshold: { value: 9 } },
      },
    },
    {
      policy: "outlierDetection: {outlierDetectionHttpErrorCodes: [429]}",
      shows: http({ outlierDetection: { errorMatcher: status("429") } }),
    },
    {
      policy: "outlierDetection: {outlierDetectionHttpErrorCodes: [429, 503]}",
      shows: http({
        outlierDetection: { errorMatcher: { orMatch: { rules: [status("429"), status("503")] } } },
      }),
    },
    {
      policy: "loadBalancer: {zoneAwareLbSetting: {minClusterSize: 3}}",
      shows: { commonLbConfig: { zoneAwareLbConfig: { minClusterSize: "3", routingEnabled: undefined } } },
    },
    {
      policy: "loadBalancer: {zoneAwareLbSetting: {enabled: false}}",
      shows: { commonLbConfig: { zoneAwareLbConfig: { routingEnabled: {} } } },
    },
    { policy: "loadBalancer: {simple: ROUND_ROBIN}", shows: { lbPolicy: undefined } },
    { policy: "loadBalancer: {simple: RANDOM}", shows: { lbPolicy: "RANDOM" } },
    { policy: "loadBalancer: {simple: LEAST_CONN}", shows: { lbPolicy: "LEAST_REQUEST" } },
    {
      policy: "loadBalancer: {simple: PASSTHROUGH}",
      shows: { type: "ORIGINAL_DST", lbPolicy: "CLUSTER_PROVIDED", transportSocket: undefined },
    },
    {
      policy:
        "loadBalancer: {simple: LEAST_REQUEST, warmup: {duration: 30s, minimumPercent: 20, aggression: 2}}",
      shows: {
        leastRequestLbConfig: {
          slowStartConfig: {
            slowStartWindow: "30s",
            aggression: { defaultValue: 2, runtimeKey: "(" },
            minWeightPercent: { value: 20 },
          },
        },
      },
    },
    {
      policy: "loadBalancer: {simple: ROUND_ROBIN, warmupDurationSecs: 30s}",
      shows: { roundRobinLbConfig: { slowStartConfig: { slowStartWindow: "30s" } } },
    },
    {
      policy: "loadBalancer: {consistentHash: {useSourceIp: true}}",
      shows: { lbPolicy: "RING_HASH", ringHashLbConfig: { minimumRingSize: "1024" } },
    },
    {
      policy: "loadBalancer: {consistentHash: {useSourceIp: true, minimumRingSize: 512}}",
      shows: { ringHashLbConfig: { minimumRingSize: "512" } },
    },
    {
      policy: "loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 2048}}}",
      shows: { ringHashLbConfig: { minimumRingSize: "2048" } },
    },
    {
      policy: "loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 997}}}",
      shows: { lbPolicy: "MAGLEV", maglevLbConfig: { tableSize: "997" } },
    },
    {
      policy: "proxyProtocol: {version: V2}, tls: {mode: DISABLE}",
      shows: {
        transportSocket: {
          name: "envoy.transport_sockets.upstream_proxy_protocol",
          typedConfig: {
            config: { version: "V2" },
            transportSocket: { name: "envoy.transport_sockets.raw_buffer" },
          },
        },
      },
    },
    {
      policy: "proxyProtocol: {}",
      shows: {
        transportSocket: undefined,
        transportSocketMatches: [
          {
            name: "tlsMode-istio",
            transportSocket: {
              name: "envoy.transport_sockets.upstream_proxy_protocol",
              typedConfig: { config: {}, transportSocket: { name: "envoy.transport_sockets.tls" } },
            },
          },
          {
            name: "tlsMode-disabled",
            transportSocket: { name: "envoy.transport_sockets.upstream_proxy_protocol" },
          },
        ],
      },
    },
  ];
  test.for(cases)("$policy", ({ policy, shows }) => {
    const snapshot = snapshotOf(service("web") + rule(policy));
    assertShows(shownCluster(snapshot, web()), shows);
    assertShows(shownCluster(snapshot, web("v1")), shows);
  });
});

suite("TLS as a DestinationRule wants it", () => {
  const socket = (options: object) => ({
    transportSocketMatches: undefined,
    transportSocket: { name: "envoy.transport_sockets.tls", typedConfig: options },
  });
  const roots = (name: string, names?: readonly string[]) => ({
    combinedValidationContext: {
      defaultValidationContext: { matchSubjectAltNames: names?.map((exact) => ({ exact })) },
      validationContextSdsSecretConfig: { name },
    },
  });
  const cases = [
    { tls: "mode: DISABLE", shows: { transportSocket: undefined, transportSocketMatches: undefined } },
    {
      tls: "mode: ISTIO_MUTUAL",
      shows: socket({
        sni: `outbound_.80_._.${host}`,
        commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: "default" }], ...roots("ROOTCA") },
      }),
    },
    {
      tls: 'mode: ISTIO_MUTUAL, sni: a.example.com, subjectAltNames: ["spiffe://a"]',
      shows: socket({ sni: "a.example.com", commonTlsContext: roots("ROOTCA", ["spiffe://a"]) }),
    },
    {
      tls: "mode: SIMPLE",
      shows: {
        ...socket({ sni: undefined, commonTlsContext: roots("file-root:system") }),
        ...http({ upstreamHttpProtocolOptions: { autoSni: true, autoSanValidation: true } }),
      },
    },
    {
      tls: "mode: SIMPLE, sni: a.example.com, caCertificates: /ca.pem, caCrl: /crl.pem, subjectAltNames: [a]",
      shows: socket({
        sni: "a.example.com",
        commonTlsContext: {
          combinedValidationContext: {
            defaultValidationContext: {
              matchSubjectAltNames: [{ exact: "a" }],
              crl: { filename: "/crl.pem" },
            },
            validationContextSdsSecretConfig: { name: "file-root:/ca.pem" },
          },
        },
      }),
    },
    {
      tls: "mode: SIMPLE, insecureSkipVerify: true",
      shows: {
        ...socket({ commonTlsContext: { validationContext: {}, combinedValidationContext: undefined } }),
        ...http({ upstreamHttpProtocolOptions: { autoSni: true } }),
      },
    },
    {
      tls: "mode: MUTUAL, clientCertificate: /c.pem, privateKey: /k.pem, caCertificates: /ca.pem",
      shows: socket({
        commonTlsContext: {
          tlsCertificateSdsSecretConfigs: [{ name: "file-cert:/c.pem~/k.pem" }],
          ...roots("file-root:/ca.pem"),
        },
      }),
    },
    {
      tls: "mode: MUTUAL, caCertificates: /ca.pem",
      shows: { transportSocket: undefined, transportSocketMatches: undefined },
    },
    {
      tls: "mode: MUTUAL, credentialName: shop",
      shows: { transportSocket: undefined, transportSocketMatches: undefined },
    },
    {
      tls: "mode: MUTUAL, credentialName: shop",
      more: ", workloadSelector: {matchLabels: {app: client}}",
      shows: socket({
        commonTlsContext: {
          tlsCertificateSdsSecretConfigs: [{ name: "kubernetes://shop" }],
          ...roots("kubernetes://shop-cacert"),
        },
      }),
    },
  ];
  test.for(cases)("$tls$more", ({ tls, more = "", shows }) => {
    const snapshot = snapshotOf(
      service("web") + rule(`tls: {${tls}}`, more),
      proxyOf({ labels: { app: "client" } }),
    );
    assertShows(shownCluster(snapshot, web()), shows);
  });

  test("the names of a ServiceEntry are those that its servers must show", () => {
    const snapshot = snapshotOf(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api, namespace: sample}
spec: {hosts: [api.example.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS, subjectAltNames: [real.example.com]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: api, namespace: sample}
spec: {host: api.example.com, trafficPolicy: {tls: {mode: SIMPLE}}}
`);
    assertShows(
      shownCluster(snapshot, "outbound|443||api.example.com"),
      socket({ commonTlsContext: roots("file-root:system", ["real.example.com"]) }),
    );
  });
});

suite("what a DestinationRule says of TCP connections", () => {
  const tcp = `${service("db", [], "{name: tcp, port: 3306, appProtocol: tcp}")}`;
  const cases = [
    {
      policy: "connectionPool: {tcp: {idleTimeout: 30s, maxConnectionDuration: 60s}}",
      shows: { idleTimeout: "30s", maxDownstreamConnectionDuration: "60s" },
    },
    {
      policy: "loadBalancer: {consistentHash: {useSourceIp: true}}",
      shows: { hashPolicy: [{ sourceIp: {} }] },
    },
    {
      policy: "tunnel: {protocol: CONNECT, targetHost: a.example.com, targetPort: 443}",
      shows: { tunnelingConfig: { hostname: "a.example.com:443", usePost: undefined } },
    },
    {
      policy: 'tunnel: {protocol: POST, targetHost: "2001:db8::1", targetPort: 443}',
      shows: { tunnelingConfig: { hostname: "[2001:db8::1]:443", usePost: true } },
    },
  ];
  test.for(cases)("$policy", ({ policy, shows }) => {
    const snapshot = snapshotOf(`${tcp}
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: db, namespace: sample}
spec: {host: db, trafficPolicy: {${policy}}}
`);
    assertShows(shownListener(snapshot, "10.96.0.2_3306"), {
      filterChains: [{ filters: [{ name: "envoy.filters.network.tcp_proxy", typedConfig: shows }] }],
    });
  });

  test("a subset's tunnel is its own", () => {
    const snapshot = snapshotOf(`${tcp}
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: db, namespace: sample}
spec: {host: db, trafficPolicy: {tunnel: {targetHost: a, targetPort: 1}}, subsets: [{name: v1, labels: {v: "1"}, trafficPolicy: {tunnel: {targetHost: b, targetPort: 2}}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db, namespace: sample}
spec: {hosts: [db], tcp: [{route: [{destination: {host: db, subset: v1}}]}]}
`);
    assertShows(shownListener(snapshot, "10.96.0.2_3306"), {
      filterChains: [
        {
          metadata: {
            filterMetadata: {
              istio: { config: "/apis/networking.istio.io/v1/namespaces/sample/virtual-service/db" },
            },
          },
          filters: [{ typedConfig: { tunnelingConfig: { hostname: "b:2" } } }],
        },
      ],
    });
  });
});

test("a router balances over the endpoints of a service that a sidecar dials by address", () => {
  const entry = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: wild, namespace: sample}
spec: {hosts: ["*.example.com"], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}
`;
  const name = "outbound|80||*.example.com";
  assertShows(shownCluster(snapshotOf(entry), name), { type: "ORIGINAL_DST" });
  assertShows(shownCluster(snapshotOf(entry, proxyOf({ type: "router" })), name), { type: "EDS" });
});
