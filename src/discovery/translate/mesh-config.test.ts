import assert from "node:assert/strict";
import { suite, test } from "vitest";
import {
  type TlsParameters,
  TlsParameters_TlsProtocol,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { makeSnapshot, type ProxySnapshot } from "./snapshot.ts";
import { unpack } from "./test-support/describe.ts";
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
const outbound = ({ clusters }: ProxySnapshot) =>
  [...clusters.keys()].filter((name) => name.startsWith("outbound|"));
const namespace = (name: string, labels = "{}") => `
apiVersion: v1
kind: Namespace
metadata: {name: ${name}, labels: ${labels}}
---`;
const entry = (host: string, of: string) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: e, namespace: ${of}}
spec: {hosts: [${host}], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}
---`;

suite("discoverySelectors", () => {
  const yaml =
    namespace("sample", "{env: prod}") +
    namespace("other") +
    service("web", ["10.1.0.1"]) +
    entry("in.com", "sample") +
    entry("out.com", "other");
  const here = ["outbound|80||in.com", "outbound|80||web.sample.svc.cluster.local"];

  test("services and rules count only in namespaces that one of them picks", () => {
    assert.deepEqual(outbound(snapshotOf(yaml)).sort(), [
      "outbound|80||in.com",
      "outbound|80||out.com",
      here[1],
    ]);
    const labels = "discoverySelectors: [{matchLabels: {env: prod}}]";
    assert.deepEqual(outbound(snapshotOf(yaml, proxyOf(), labels)).sort(), here);
    const expressions =
      "discoverySelectors: [{matchExpressions: [{key: env, operator: In, values: [prod, dev]}]}]";
    assert.deepEqual(outbound(snapshotOf(yaml, proxyOf(), expressions)).sort(), here);
  });

  test("a namespace comes in when it gets the label, and goes with it", () => {
    const objects = objectsOf(yaml, "discoverySelectors: [{matchLabels: {env: prod}}]");
    let world = createWorld(objects, fail);
    for (const [labels, isIn] of [
      ["{env: prod}", true],
      ["{env: test}", false],
    ] as const) {
      for (const object of parseObjects(namespace("other", labels))) {
        const changes = putObject(objects, object);
        world = updateWorld(world, changes, fail);
      }
      assert.equal(outbound(makeSnapshot(world, proxyOf(), fail)).includes("outbound|80||out.com"), isIn);
    }
  });
});

suite("TLS of the mesh", () => {
  const facts = (parameters: TlsParameters | undefined) => ({
    minimum: TlsParameters_TlsProtocol[parameters?.tlsMinimumProtocolVersion ?? 0],
    ciphers: parameters?.cipherSuites.length,
    curves: parameters?.ecdhCurves,
  });
  const pod = `
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: sample, labels: {app: web}}
spec: {containers: []}
---`;
  const inbound = (mesh: string) => {
    const chain = snapshotOf(service("web", ["10.1.0.9"]) + pod, proxyOf(), mesh)
      .listeners.get("virtualInbound")
      ?.filterChains.find(({ transportSocket }) => transportSocket !== undefined);
    const config = chain?.transportSocket?.configType;
    const any = config?.case === "typedConfig" ? config.value : undefined;
    return facts(unpack(any, DownstreamTlsContextSchema).commonTlsContext?.tlsParams);
  };

  test("meshMTLS limits what workloads accept", () => {
    assert.deepEqual(inbound(""), { minimum: "TLSv1_2", ciphers: 6, curves: [] });
    assert.deepEqual(
      inbound("meshMTLS: {minProtocolVersion: TLSV1_3, cipherSuites: [ECDHE-RSA-AES256-GCM-SHA384]}"),
      { minimum: "TLSv1_3", ciphers: 1, curves: [] },
    );
  });

  test("tlsDefaults limits TLS to servers outside", () => {
    const rule = `${entry("out.com", "sample")}
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: out, namespace: sample}
spec: {host: out.com, trafficPolicy: {tls: {mode: SIMPLE}}}
`;
    const { clusters } = snapshotOf(
      rule,
      proxyOf(),
      "tlsDefaults: {ecdhCurves: [P-384], cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256]}",
    );
    const config = clusters.get("outbound|80||out.com")?.transportSocket?.configType;
    const any = config?.case === "typedConfig" ? config.value : undefined;
    assert.deepEqual(facts(unpack(any, UpstreamTlsContextSchema).commonTlsContext?.tlsParams), {
      minimum: "TLSv1_2",
      ciphers: 1,
      curves: ["P-384"],
    });
  });
});

test("tcpKeepalive of the mesh holds where no rule says otherwise", () => {
  const { clusters } = snapshotOf(
    service("web"),
    proxyOf(),
    "tcpKeepalive: {time: 60s, interval: 10s, probes: 4}",
  );
  const keepalive = clusters.get("outbound|80||web.sample.svc.cluster.local")?.upstreamConnectionOptions
    ?.tcpKeepalive;
  assert.deepEqual(
    [keepalive?.keepaliveTime, keepalive?.keepaliveInterval, keepalive?.keepaliveProbes],
    [60, 10, 4],
  );
});
