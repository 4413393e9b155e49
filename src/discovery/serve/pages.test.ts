import assert from "node:assert/strict";
import { request } from "node:https";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import type { KubeObject } from "../../kube/index.ts";
import { typeUrls } from "../../xds/index.ts";
import { openDelta, plainSession, testNode } from "./test-support/ads-client.ts";
import { testNamespace, testPod, testService, testSlice } from "./test-support/objects.ts";
import { startTestMesh, type TestMesh } from "./test-support/test-mesh.ts";

suite("pages and webhooks", () => {
  let mesh: TestMesh;

  beforeEach(async () => {
    mesh = await startTestMesh([
      testNamespace("istio-system"),
      testNamespace("sample"),
      testService("web"),
      testPod("web", "10.1.0.1"),
      testSlice("web", ["10.1.0.1"]),
    ]);
    await waitFor(() => mesh.discovery.isReady || undefined, { signal: AbortSignal.timeout(30_000) });
  });
  afterEach(() => mesh.stop());

  const page = async (path: string, port = 15014) => {
    const response = await fetch(`http://127.0.0.1:${mesh.portOf(port)}${path}`);
    const text = await response.text();
    return { status: response.status, text, json: () => JSON.parse(text) as unknown };
  };

  /** Posts to the webhook's port as an API server does. */
  const post = (path: string, body: string) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const call = request(
        {
          host: "127.0.0.1",
          port: mesh.portOf(15017),
          path,
          method: "POST",
          ca: mesh.signer.rootPem,
          servername: "istiod.istio-system.svc",
        },
        async (response) => {
          let text = "";
          for await (const chunk of response) text += String(chunk);
          resolve({ status: response.statusCode ?? 0, text });
        },
      );
      call.on("error", reject);
      call.end(body);
    });

  test("it is ready on both ports", async () => {
    assert.equal((await page("/ready")).status, 200);
    assert.equal((await page("/ready", 8080)).status, 200);
  });

  test("its version, endpoints and clusters are shown; other pages are not found", async () => {
    for (const path of ["/version", "//version"])
      assert.match((await page(path)).text, /^1\.31\.1-\w+-Clean$/);
    assert.match((await page("/debug/endpointz")).text, /"svc": "web\.sample\.svc\.cluster\.local"/);
    assert.deepEqual((await page("/debug/clusterz")).json(), [
      { id: "c1", secretName: "", syncStatus: "synced" },
    ]);
    assert.equal((await page("/debug/nothing")).status, 404);
  });

  test("a proxy's configuration is shown by its name", async () => {
    assert.equal((await page("/debug/config_dump?proxyID=client-1.sample")).status, 404);
    const session = plainSession(mesh.portOf(15010));
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    await client.next(typeUrls.cluster);
    const dump = await page("/debug/config_dump?proxyID=client-1.sample");
    session.destroy();
    assert.match(dump.text, /"outbound\|80\|\|web\.sample\.svc\.cluster\.local"/);
    assert.match(dump.text, /HttpConnectionManager/);
  });

  test("an AdmissionReview goes to injection with its path", async () => {
    const { status, text } = await post("/inject/cluster/c2/net/n2", '{"kind": "AdmissionReview"}');
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(text), {
      path: "/inject/cluster/c2/net/n2",
      body: { kind: "AdmissionReview" },
    });
  });

  test("Istio's objects are validated, and what is no review is refused", async () => {
    const review = (object: object, operation = "CREATE") =>
      post(
        "/validate",
        JSON.stringify({
          apiVersion: "admission.k8s.io/v1",
          kind: "AdmissionReview",
          request: { uid: "7", operation, namespace: "sample", object },
        }),
      );
    const answer = async (object: object, operation?: string) =>
      (JSON.parse((await review(object, operation)).text) as { response: unknown }).response;
    const gateway = { apiVersion: "networking.istio.io/v1alpha3", kind: "Gateway", metadata: { name: "g" } };
    const denied = {
      uid: "7",
      allowed: false,
      status: {
        message: "configuration is invalid: spec.servers: gateway must have at least one server",
      },
    };
    assert.deepEqual(await answer({ ...gateway, spec: {} }), denied);
    assert.deepEqual(await answer({ ...gateway, spec: {} }, "DELETE"), { uid: "7", allowed: true });
    const route = { route: [{ destination: { host: "web" } }], mirrorPercent: 5 };
    assert.deepEqual(
      await answer({
        apiVersion: "networking.istio.io/v1",
        kind: "VirtualService",
        metadata: { name: "web" },
        spec: { hosts: ["web"], http: [route] },
      }),
      {
        uid: "7",
        allowed: true,
        warnings: [
          'spec.http[0].mirrorPercent: using deprecated setting "mirrorPercent", use "mirrorPercentage" instead',
        ],
      },
    );
    assert.equal((await post("/validate", '{"request": {"uid": "7"}}')).status, 400);
    assert.equal((await post("/inject", "{")).status, 400);
    assert.equal((await post("/elsewhere", "{}")).status, 404);
  });

  test("ServiceEntries without addresses get one each, and keep it", async () => {
    const entry = (name: string, more: object = {}): KubeObject =>
      ({
        apiVersion: "networking.istio.io/v1",
        kind: "ServiceEntry",
        metadata: { name, namespace: "sample" },
        spec: {
          hosts: [`${name}.example.org`],
          ports: [{ number: 80, name: "http", protocol: "HTTP" }],
          resolution: "STATIC",
          ...more,
        },
      }) as KubeObject;
    const addresses = (name: string) => {
      const { status } = (mesh.api.get("ServiceEntry", name, "sample") ?? {}) as {
        readonly status?: { readonly addresses?: readonly { readonly value: string }[] };
      };
      return status?.addresses?.map(({ value }) => value);
    };
    const given = (name: string) => waitFor(() => addresses(name), { signal: AbortSignal.timeout(30_000) });
    mesh.api.put(entry("a"));
    assert.deepEqual(await given("a"), ["240.240.0.1", "2001:2::1"]);
    mesh.api.put(entry("fixed", { addresses: ["10.9.9.9"] }));
    mesh.api.put(entry("none", { resolution: "NONE" }));
    mesh.api.put(entry("b"));
    assert.deepEqual(await given("b"), ["240.240.0.2", "2001:2::2"]);
    mesh.api.put(entry("a", { ports: [{ number: 81, name: "http", protocol: "HTTP" }] }));
    assert.deepEqual(await given("a"), ["240.240.0.1", "2001:2::1"]);
    assert.deepEqual([addresses("fixed"), addresses("none")], [undefined, undefined]);
    // Who writes an address has it, whoever was given it before.
    mesh.api.put(entry("claims", { addresses: ["240.240.0.2/32", "240.240.0.3"] }));
    const moved = await waitFor(() => (addresses("b")?.[0] === "240.240.0.2" ? undefined : addresses("b")), {
      signal: AbortSignal.timeout(30_000),
    });
    assert.deepEqual(moved, ["240.240.0.4", "2001:2::4"]);
  });
});
