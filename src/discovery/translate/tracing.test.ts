import assert from "node:assert/strict";
import type { Any } from "@bufbuild/protobuf/wkt";
import { suite, test } from "vitest";
import { DatadogConfigSchema } from "../../xds/gen/envoy/config/trace/v3/datadog_pb.js";
import { OpenTelemetryConfigSchema } from "../../xds/gen/envoy/config/trace/v3/opentelemetry_pb.js";
import {
  ZipkinConfig_TraceContextOption,
  ZipkinConfigSchema,
} from "../../xds/gen/envoy/config/trace/v3/zipkin_pb.js";
import { scopeOf } from "./scope.ts";
import type { TelemetrySide } from "./telemetry-rules.ts";
import { unpack } from "./test-support/describe.ts";
import { objectsOf, proxyOf, service, worldOf } from "./test-support/make-world.ts";
import { tracingOf } from "./tracing.ts";
import { createWorld } from "./world.ts";

const telemetry = (tracing: string, namespace = "sample", name = "t") => `
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: ${name}, namespace: ${namespace}}
spec: {tracing: ${tracing}}
---`;
const collector = service("collector", ["10.1.0.7"], "{name: http, port: 9411}");
const at = "service: collector.sample.svc.cluster.local, port: 9411";
const zipkin = `extensionProviders: [{name: zip, zipkin: {${at}}}]`;

function traced(
  yaml: string,
  mesh: string,
  side: TelemetrySide = "CLIENT",
  proxy: ReturnType<typeof proxyOf> = proxyOf(),
) {
  const { message, samplesByRequestId } = tracingOf(
    scopeOf(worldOf(collector + yaml, mesh).rules, proxy),
    proxy,
    side,
  );
  const provider = message?.provider;
  const config: Any | undefined =
    provider?.configType.case === "typedConfig" ? provider.configType.value : undefined;
  return {
    message,
    config,
    name: provider?.name,
    sampling: message?.randomSampling?.value,
    samplesByRequestId,
  };
}

const tagNames = (found: ReturnType<typeof traced>) =>
  found.message?.customTags.map(({ tag }) => tag).filter((tag) => !tag.startsWith("istio.authorization")) ??
  [];

suite("who gets traces", () => {
  const cases = [
    {
      title: "nobody, yet requests count as traced",
      yaml: "",
      mesh: "",
      client: [undefined, 1],
      server: [undefined, 1],
    },
    {
      title: "nobody where tracing is switched off",
      yaml: "",
      mesh: "enableTracing: false",
      client: "none",
      server: "none",
    },
    {
      title: "the default provider",
      yaml: "",
      mesh: `defaultProviders: {tracing: [zip]}\n${zipkin}`,
      client: ["envoy.tracers.zipkin", 1],
      server: ["envoy.tracers.zipkin", 1],
    },
    {
      title: "the provider that a Telemetry names, for the side that it names",
      yaml: telemetry("[{match: {mode: SERVER}, providers: [{name: ZIP}], randomSamplingPercentage: 25}]"),
      mesh: zipkin,
      client: "none",
      server: ["envoy.tracers.zipkin", 25],
    },
    {
      title: "nobody where the namespace switches off what the mesh has on",
      yaml:
        telemetry("[{providers: [{name: zip}]}]", "istio-system", "root") +
        telemetry("[{match: {mode: CLIENT}, disableSpanReporting: true}]"),
      mesh: zipkin,
      client: "none",
      server: ["envoy.tracers.zipkin", 1],
    },
    {
      title: "the sampling of the namespace with the provider of the mesh",
      yaml:
        telemetry("[{providers: [{name: zip}], randomSamplingPercentage: 70}]", "istio-system", "root") +
        telemetry("[{randomSamplingPercentage: 0}]"),
      mesh: zipkin,
      client: ["envoy.tracers.zipkin", 0],
      server: ["envoy.tracers.zipkin", 0],
    },
    {
      title: "nobody when the provider is not declared",
      yaml: telemetry("[{providers: [{name: other}]}]"),
      mesh: zipkin,
      client: "none",
      server: "none",
    },
    {
      title: "nobody when the provider's service has no such port",
      yaml: telemetry("[{providers: [{name: zip}]}]"),
      mesh: "extensionProviders: [{name: zip, zipkin: {service: collector.sample.svc.cluster.local, port: 1}}]",
      client: "none",
      server: "none",
    },
    {
      title: "nobody when the provider's service is said to be in another namespace",
      yaml: telemetry("[{providers: [{name: zip}]}]"),
      mesh: "extensionProviders: [{name: zip, zipkin: {service: other/collector.sample.svc.cluster.local, port: 9411}}]",
      client: "none",
      server: "none",
    },
    {
      title: "nobody when a Sidecar leaves the provider's service out",
      yaml: `${telemetry("[{providers: [{name: zip}]}]")}
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: sample}
spec: {egress: [{hosts: ["istio-system/*"]}]}
---`,
      mesh: zipkin,
      client: "none",
      server: "none",
    },
    {
      title: "nobody when the provider is of a kind that gets no traces",
      yaml: telemetry("[{providers: [{name: log}]}]"),
      mesh: "extensionProviders: [{name: log, envoyFileAccessLog: {path: /dev/stdout}}]",
      client: "none",
      server: "none",
    },
  ];
  for (const { title, yaml, mesh, client, server } of cases) {
    test(title, () => {
      for (const [side, expected] of [
        ["CLIENT", client],
        ["SERVER", server],
      ] as const) {
        const { message, name, sampling } = traced(yaml, mesh, side);
        assert.deepEqual(message === undefined ? "none" : [name, sampling], expected);
      }
    });
  }
});

suite("what spans tell", () => {
  const workload = [
    "istio.canonical_revision",
    "istio.canonical_service",
    "istio.cluster_id",
    "istio.mesh_id",
    "istio.namespace",
  ];
  const mesh = `defaultConfig: {tracing: {maxPathTagLength: 64, customTags: {own: {literal: {value: v}}}}}
defaultProviders: {tracing: [zip]}
${zipkin}`;

  test("the workload, and the tags of MeshConfig", () => {
    const found = traced("", mesh);
    assert.deepEqual(tagNames(found), [...workload, "own"]);
    assert.equal(found.message?.maxPathTagLength, 64);
  });

  test("a Telemetry's tags instead of MeshConfig's, and nothing of the workload if it says so", () => {
    const found = traced(
      telemetry(
        '[{enableIstioTags: false, customTags: {z: {header: {name: x-z}}, a: {environment: {name: A, defaultValue: d}}, f: {formatter: {value: "%PROTOCOL%"}}}}]',
      ),
      mesh,
    );
    assert.deepEqual(
      found.message?.customTags.map(({ tag, type }) => [tag, type.case]),
      [
        ["a", "environment"],
        ["f", "value"],
        ["z", "requestHeader"],
      ],
    );
  });

  test("what the pod's annotation says before MeshConfig", () => {
    const proxy = {
      ...proxyOf(),
      settings: { tracing: { sampling: 7, customTags: {}, maxPathTagLength: undefined, hasIstioTags: true } },
    };
    const found = traced("", mesh, "CLIENT", proxy);
    assert.deepEqual(
      [found.sampling, found.message?.maxPathTagLength, tagNames(found)],
      [7, undefined, workload],
    );
  });

  test("whether the request's id decides what is traced", () => {
    assert.equal(traced("", mesh).samplesByRequestId, true);
    assert.equal(
      traced(telemetry("[{useRequestIdForTraceSampling: false}]"), mesh).samplesByRequestId,
      false,
    );
  });

  test("upstreams nothing, where the context is not to be passed on", () => {
    const found = traced(telemetry("[{disableContextPropagation: true}]"), mesh);
    assert.equal(found.message?.noContextPropagation, true);
  });
});

suite("the provider's configuration", () => {
  const provided = (provider: string, proxy = proxyOf()) =>
    traced(
      "",
      `defaultProviders: {tracing: [p]}\nextensionProviders: [{name: p, ${provider}}]`,
      "CLIENT",
      proxy,
    );
  const cluster = "outbound|9411||collector.sample.svc.cluster.local";

  test("Zipkin's collector with path, headers and time limit", () => {
    const { config } = provided(
      `zipkin: {${at}, path: /spans, timeout: 2s, headers: [{name: x-a, value: b}], enable64bitTraceId: true, traceContextOption: USE_B3_WITH_W3C_PROPAGATION}`,
    );
    const { collectorService, traceId128bit, traceContextOption } = unpack(config, ZipkinConfigSchema);
    assert.equal(collectorService?.httpUri?.uri, "http://collector.sample.svc.cluster.local/spans");
    assert.deepEqual(collectorService.httpUri.httpUpstreamType, { case: "cluster", value: cluster });
    assert.equal(collectorService.httpUri.timeout?.seconds, 2n);
    assert.deepEqual(
      collectorService.requestHeadersToAdd.map(({ header }) => [header?.key, header?.value]),
      [["x-a", "b"]],
    );
    assert.equal(traceId128bit, false);
    assert.equal(traceContextOption, ZipkinConfig_TraceContextOption.USE_B3_WITH_W3C_PROPAGATION);
  });

  test("the fields that proxies before Istio 1.29 read", () => {
    const { config } = provided(`zipkin: {${at}}`, { ...proxyOf(), istioVersion: "1.28.3" });
    const { collectorCluster, collectorEndpoint, collectorService } = unpack(config, ZipkinConfigSchema);
    assert.deepEqual(
      [collectorCluster, collectorEndpoint, collectorService],
      [cluster, "/api/v2/spans", undefined],
    );
  });

  test("OpenTelemetry by gRPC unless it says HTTP", () => {
    const grpc = unpack(provided(`opentelemetry: {${at}}`).config, OpenTelemetryConfigSchema);
    assert.equal(grpc.grpcService?.targetSpecifier.case, "envoyGrpc");
    const http = unpack(
      provided(`opentelemetry: {${at}, http: {path: /v1/traces, timeout: 1s}}`).config,
      OpenTelemetryConfigSchema,
    );
    assert.equal(http.httpService?.httpUri?.uri, "collector.sample.svc.cluster.local/v1/traces");
    assert.equal(http.grpcService, undefined);
  });

  test("all requests to a sampler, which decides by itself", () => {
    const { sampling } = provided(
      `opentelemetry: {${at}, http: {path: /v1/traces, timeout: 1s}, dynatraceSampler: {tenant: t}}`,
    );
    assert.equal(sampling, 100);
  });

  test("Datadog and SkyWalking, the latter with spans of their own for upstreams", () => {
    assert.equal(unpack(provided(`datadog: {${at}}`).config, DatadogConfigSchema).collectorCluster, cluster);
    const { name, message } = provided(`skywalking: {${at}}`);
    assert.deepEqual([name, message?.spawnUpstreamSpan], ["envoy.tracers.skywalking", true]);
  });

  test("gateways make spans of their own for upstreams", () => {
    assert.equal(provided(`zipkin: {${at}}`, proxyOf({ type: "router" })).message?.spawnUpstreamSpan, true);
    assert.equal(provided(`zipkin: {${at}}`).message?.spawnUpstreamSpan, undefined);
  });

  test("gateways make none where PILOT_SPAWN_UPSTREAM_SPAN_FOR_GATEWAY is off", () => {
    for (const spawnGatewaySpans of [true, false]) {
      const objects = {
        ...objectsOf(collector, `defaultProviders: {tracing: [zip]}\n${zipkin}`),
        spawnGatewaySpans,
      };
      const { rules } = createWorld(objects, assert.fail);
      const proxy = proxyOf({ type: "router" });
      const { message } = tracingOf(scopeOf(rules, proxy), proxy, "CLIENT");
      assert.equal(message?.spawnUpstreamSpan, spawnGatewaySpans ? true : undefined);
    }
  });
});
