import type { JsonObject } from "../../../kube/index.ts";

/** Settings of a traffic policy that may also be those of one port; together they have every field. */
const forPorts: readonly JsonObject[] = [
  {
    loadBalancer: {
      consistentHash: {
        httpCookie: { name: "c", path: "/", ttl: "5s", attributes: [{ name: "a", value: "b" }] },
        minimumRingSize: 100,
      },
      localityLbSetting: { enabled: true, distribute: [{ from: "r1/*", to: { "r1/*": 80, "r2/*": 20 } }] },
      warmup: { duration: "10s", minimumPercent: 10, aggression: 2 },
    },
    connectionPool: {
      tcp: {
        maxConnections: 10,
        connectTimeout: "1s",
        maxConnectionDuration: "10s",
        idleTimeout: "10s",
        tcpKeepalive: { probes: 3, time: "10s", interval: "10s" },
      },
      http: {
        http1MaxPendingRequests: 1,
        http2MaxRequests: 1,
        maxRequestsPerConnection: 1,
        maxRetries: 1,
        h2UpgradePolicy: "UPGRADE",
        maxConcurrentStreams: 10,
        http2KeepAlive: { interval: "10s", timeout: "5s" },
      },
    },
    outlierDetection: {
      consecutive5xxErrors: 1,
      consecutiveGatewayErrors: 1,
      consecutiveLocalOriginFailures: 1,
      splitExternalLocalOriginErrors: true,
      interval: "1s",
      baseEjectionTime: "1s",
      maxEjectionPercent: 10,
      minHealthPercent: 10,
      outlierDetectionHttpErrorCodes: [429],
    },
    tls: { mode: "SIMPLE", credentialName: "client", subjectAltNames: ["a"], sni: "b" },
  },
  {
    loadBalancer: {
      consistentHash: { httpHeaderName: "x", ringHash: { minimumRingSize: 100 } },
      localityLbSetting: { failover: [{ from: "r1", to: "r2" }] },
    },
    connectionPool: { http: { idleTimeout: "10s", useClientProtocol: true } },
    outlierDetection: { interval: "1s" },
    tls: {
      mode: "MUTUAL",
      clientCertificate: "/a",
      privateKey: "/b",
      caCertificates: "/c",
      subjectAltNames: ["a"],
    },
  },
  {
    loadBalancer: {
      consistentHash: { httpQueryParameterName: "x", maglev: { tableSize: 101 } },
      localityLbSetting: { failoverPriority: ["topology.istio.io/network"] },
    },
    outlierDetection: { interval: "1s" },
    tls: { mode: "SIMPLE", insecureSkipVerify: true },
  },
  {
    loadBalancer: {
      zoneAwareLbSetting: {
        enabled: true,
        failover: [{ from: "r1", to: "r2" }],
        failoverPriority: ["topology.istio.io/network"],
        minClusterSize: 3,
      },
    },
  },
  { loadBalancer: { consistentHash: { useSourceIp: true } }, tls: { mode: "ISTIO_MUTUAL" } },
  { loadBalancer: { simple: "ROUND_ROBIN", warmupDurationSecs: "10s" }, tls: { mode: "DISABLE" } },
];

/** What a policy says beside that, for all ports of its host. */
const forHosts: readonly JsonObject[] = [
  { tunnel: { protocol: "CONNECT", targetHost: "example.com", targetPort: 443 } },
  { proxyProtocol: { version: "V2" } },
  { retryBudget: { percent: 10, minRetryConcurrency: 3, budgetInterval: "10s" } },
];

/**
 * DestinationRules that say each of this for a host, for a subset and for a port of either, and VirtualServices that lead
 * to the subsets; their hosts are Services named "policy-0", "policy-1" …
 */
export function rulesOfPolicies(): readonly JsonObject[] {
  const onPort = (policy: JsonObject) => ({ portLevelSettings: [{ port: { number: 80 }, ...policy }] });
  const policies = [...forPorts, ...forHosts, ...forPorts.map(onPort)];
  return policies.flatMap((trafficPolicy, i) => {
    const host = `policy-${i}`;
    const object = { apiVersion: "networking.istio.io/v1", metadata: { name: host, namespace: "sample" } };
    const to = (number: number) => ({ host, port: { number } });
    const ofSubset = (number: number) => [{ destination: { ...to(number), subset: "v1" } }];
    const subset = { name: "v1", labels: { version: "v1" }, trafficPolicy };
    return [
      {
        ...object,
        kind: "DestinationRule",
        spec: { host, exportTo: ["*"], trafficPolicy, subsets: [subset] },
      },
      {
        ...object,
        kind: "VirtualService",
        spec: {
          hosts: [host],
          http: [
            { match: [{ uri: { prefix: "/subset" } }], route: ofSubset(80) },
            { route: [{ destination: to(80) }] },
          ],
          tcp: [
            { match: [{ port: 9000 }], route: ofSubset(9000) },
            { match: [{ port: 9001 }], route: [{ destination: to(9001) }] },
          ],
        },
      },
    ];
  });
}
