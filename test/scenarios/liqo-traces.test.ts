import assert from "node:assert/strict";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findKubectls } from "../support/tools.ts";
import { eventually, type MeshUnderTest, startExample } from "./support/running-mesh.ts";

interface JaegerTrace {
  readonly traceID: string;
  readonly spans: readonly {
    readonly spanID: string;
    readonly operationName: string;
    readonly duration: number;
    readonly references: readonly { readonly spanID: string }[];
    readonly processID: string;
  }[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
}

suite.skipIf(findKubectls().length === 0)("LIQO: the trace page of the example [needs kubectl]", () => {
  let mesh: MeshUnderTest;

  beforeAll(async () => {
    mesh = await startExample({
      example: "liqo",
      client: "deploy/curl-consumer",
      container: "curl",
      namespace: "fluidosmesh",
    });
  });
  afterAll(() => mesh?.stop());

  test("LIQO-26 one request through provider1 is a trace of two spans: its gateway's and below it that of s0", async () => {
    const { gateways, addons } = JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout);
    const find = (list: readonly Record<string, string>[], name: string, value: string) =>
      list.find((one) => one[name] === value)?.["url"] ?? "";
    const jaeger = find(addons, "name", "jaeger");
    assert.equal(new URL(jaeger).port, "30002");
    const ingress = find(gateways, "cluster", "provider1");
    await eventually(async () => (await fetch(`${ingress}/s0`)).ok, 20_000);
    const id = "80f198ee56343ba864fe8b2a57d3eff7";
    const answer = await fetch(`${ingress}/s0`, {
      headers: { "x-b3-traceid": id, "x-b3-spanid": "e457b5a2e4d86bd1", "x-b3-sampled": "1" },
    });
    assert.equal(answer.status, 200);
    const trace = await eventually(async () => {
      const { data } = (await (
        await fetch(`${jaeger}api/traces?service=s0.fluidosmesh&limit=100`)
      ).json()) as {
        data: readonly JaegerTrace[];
      };
      return data.find(({ traceID, spans }) => traceID === id && spans.length > 1);
    }, 15_000);
    const services = trace.spans.map(({ processID }) => trace.processes[processID]?.serviceName);
    assert.deepEqual(services, ["istio-ingressgateway.istio-ingress-provider1", "s0.fluidosmesh"]);
    const [gateway, app] = trace.spans;
    assert.ok(gateway !== undefined && app !== undefined);
    assert.deepEqual(
      app.references.map(({ spanID }) => spanID),
      [gateway.spanID],
    );
    for (const { duration, operationName } of trace.spans) {
      assert.ok(duration > 0);
      assert.equal(operationName, "s0.fluidosmesh.svc.cluster.local:80/s0*");
    }
    const page = await (await fetch(`${jaeger}trace/${id}`)).text();
    assert.match(
      page,
      /istio-ingressgateway\.istio-ingress-provider1: s0\.fluidosmesh\.svc\.cluster\.local:80\/s0\*/,
    );
  });
});
