import type { Case } from "../case.ts";

/** MeshConfig with providers whose collector nobody is. */
const mesh = `
extensionProviders:
- {name: zipkin, zipkin: {service: gone.shop.svc.cluster.local, port: 80}}
- {name: short, zipkin: {service: gone.shop.svc.cluster.local, port: 80, enable64bitTraceId: true}}
- {name: both, zipkin: {service: gone.shop.svc.cluster.local, port: 80, traceContextOption: USE_B3_WITH_W3C_PROPAGATION}}
- {name: otel, opentelemetry: {service: gone.shop.svc.cluster.local, port: 80, http: {path: /v1/traces, timeout: 1s}}}
`;

function telemetry(provider: string, rest = "randomSamplingPercentage: 100"): string {
  return `
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: t, namespace: shop}
spec: {tracing: [{providers: [{name: ${provider}}], ${rest}}]}
---`;
}

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const b3 = { "x-b3-traceid": traceId, "x-b3-spanid": spanId };
const fresh = {
  "x-b3-traceid": "<32>",
  "x-b3-spanid": "<16>",
  "x-b3-parentspanid": null,
  "x-b3-sampled": "1",
};
const continued = { "x-b3-traceid": traceId, "x-b3-spanid": "<16>", "x-b3-parentspanid": spanId };
const withoutB3 = { "x-b3-traceid": null, "x-b3-spanid": null, "x-b3-sampled": null };

const ask = (headers: Record<string, string>, seen: Record<string, string | RegExp | null>) => ({
  ask: "GET solo/",
  headers,
  answer: { status: 200, app: "s" as const, seen: { headers: seen } },
});

/** Requests with an id that decides, and whether they are traced at half of them. */
const ids: readonly (readonly [id: string, sampled: string])[] = [
  ["00000001-0000-4000-8000-000000000000", "1"],
  ["00001388-0000-4000-8000-000000000000", "0"],
  ["00001387-0000-4000-8000-000000000000", "1"],
  ["00001388-0000-9000-8000-000000000000", "1"],
  ["00001388-0000-a000-8000-000000000000", "1"],
  ["00001388-0000-b000-8000-000000000000", "1"],
  ["00000001-0000-1000-8000-000000000000", "1"],
  ["00000001", "1"],
  ["short", "0"],
  ["no number at all", "0"],
];

/** What becomes of traces, as requests carry them. */
export const tracingCases: readonly Case[] = [
  {
    name: "Zipkin: a trace begins with ids of its own",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin"),
    steps: [ask({}, { ...fresh, traceparent: null, b3: null })],
  },
  {
    name: "Zipkin: ids of 64 bits where the provider says so",
    proxy: "client",
    mesh,
    objects: telemetry("short"),
    steps: [ask({}, { ...fresh, "x-b3-traceid": "<16>" })],
  },
  {
    name: "Zipkin: a trace goes on with the decision that it came with",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin"),
    steps: [
      ask({ ...b3, "x-b3-sampled": "0" }, { ...continued, "x-b3-sampled": "0" }),
      ask(
        { ...b3, "x-b3-sampled": "1", "x-b3-parentspanid": "05e3ac9a4f6e3b90" },
        { ...continued, "x-b3-sampled": "1" },
      ),
      ask({ ...b3, "x-b3-sampled": "true" }, { ...continued, "x-b3-sampled": "1" }),
      ask({ ...b3, "x-b3-flags": "1" }, { ...continued, "x-b3-sampled": "1", "x-b3-flags": "1" }),
      ask(
        { "x-b3-traceid": "a3ce929d0e0e4736", "x-b3-spanid": spanId, "x-b3-sampled": "1" },
        { ...continued, "x-b3-traceid": "a3ce929d0e0e4736" },
      ),
    ],
  },
  {
    name: "Zipkin: a trace without a decision takes the one of this proxy",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin"),
    steps: [ask(b3, { ...continued, "x-b3-sampled": "1" })],
  },
  {
    name: "Zipkin: a trace without a decision is not sampled where nothing is",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin", "randomSamplingPercentage: 0"),
    steps: [
      ask(b3, { ...continued, "x-b3-sampled": "0" }),
      ask({}, { ...fresh, "x-b3-sampled": "0" }),
      ask({ ...b3, "x-b3-sampled": "1" }, { ...continued, "x-b3-sampled": "1" }),
    ],
  },
  {
    name: "Zipkin: a decision without ids holds for the trace that begins",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin"),
    steps: [ask({ "x-b3-sampled": "0" }, { ...fresh, "x-b3-sampled": "0" })],
  },
  {
    name: "Zipkin: who speaks the single header is answered by it",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin"),
    steps: [ask({ b3: `${traceId}-${spanId}-1` }, { b3: `${traceId}-<16>-1-${spanId}`, ...withoutB3 })],
  },
  {
    name: "Zipkin: ids that are none are passed on as they came",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin"),
    steps: [
      ask(
        { "x-b3-traceid": "xyz", "x-b3-spanid": spanId },
        { "x-b3-traceid": "xyz", "x-b3-spanid": spanId, "x-b3-sampled": null },
      ),
    ],
  },
  {
    name: "Zipkin: the request's id decides which are sampled",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin", "randomSamplingPercentage: 50"),
    steps: ids.map(([id, sampled]) => ask({ "x-request-id": id }, { "x-b3-sampled": sampled })),
  },
  {
    name: "Zipkin: clients ask for a trace by x-client-trace-id",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin", "randomSamplingPercentage: 0"),
    steps: [ask({ "x-client-trace-id": "mine" }, { "x-b3-sampled": "1" })],
  },
  {
    name: "Zipkin: without the request's id every request is sampled",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin", "randomSamplingPercentage: 0, useRequestIdForTraceSampling: false"),
    steps: [ask({}, { "x-b3-sampled": "1" })],
  },
  {
    name: "Zipkin: upstreams are not told where the context stays here",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin", "disableContextPropagation: true"),
    steps: [ask({}, withoutB3), ask(b3, b3)],
  },
  {
    name: "Zipkin: B3 and W3C beside each other",
    proxy: "client",
    mesh,
    objects: telemetry("both"),
    steps: [
      ask({}, { ...fresh, traceparent: "00-<32>-<16>-01" }),
      ask(
        { traceparent: `00-${traceId}-${spanId}-00` },
        { ...continued, "x-b3-sampled": "0", traceparent: `00-${traceId}-<16>-00` },
      ),
    ],
  },
  {
    name: "Zipkin: nothing is said where reporting is off",
    proxy: "client",
    mesh,
    objects: telemetry("zipkin", "disableSpanReporting: true"),
    steps: [ask({}, withoutB3), ask(b3, b3)],
  },
  {
    name: "Zipkin: a sidecar goes on with a caller's trace on the way in",
    proxy: "server",
    mesh,
    objects: telemetry("zipkin"),
    steps: [
      {
        ask: "GET server.shop/",
        headers: { ...b3, "x-b3-sampled": "1" },
        answer: { status: 200, app: "i", seen: { headers: { ...continued, "x-b3-sampled": "1" } } },
      },
    ],
  },
  {
    name: "OpenTelemetry: a trace begins with ids of its own",
    proxy: "client",
    mesh,
    objects: telemetry("otel"),
    steps: [ask({}, { traceparent: "00-<32>-<16>-01", ...withoutB3 })],
  },
  {
    name: "OpenTelemetry: a trace goes on with its decision and its state",
    proxy: "client",
    mesh,
    objects: telemetry("otel"),
    steps: [
      ask(
        { traceparent: `00-${traceId}-${spanId}-00`, tracestate: "a=b,c=d" },
        { traceparent: `00-${traceId}-<16>-00`, tracestate: "a=b,c=d" },
      ),
      ask({ traceparent: `00-${traceId}-${spanId}-01` }, { traceparent: `00-${traceId}-<16>-01` }),
    ],
  },
  {
    name: "OpenTelemetry: what is no context is passed on as it came",
    proxy: "client",
    mesh,
    objects: telemetry("otel"),
    steps: [
      ask({ traceparent: "00-12-34-01" }, { traceparent: "00-12-34-01" }),
      ask(
        { traceparent: `00-${"0".repeat(32)}-${spanId}-01` },
        { traceparent: `00-${"0".repeat(32)}-${spanId}-01` },
      ),
    ],
  },
];
