import assert from "node:assert/strict";
import type { ClientHttp2Session } from "node:http2";
import { toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import type { KubeObject, Service } from "../../kube/index.ts";
import { ClusterSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { DeltaDiscoveryRequestSchema } from "../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { methods, typeUrls } from "../../xds/index.ts";
import {
  type DeltaClient,
  openDelta,
  openSotw,
  plainSession,
  testNode,
  tlsSession,
} from "./test-support/ads-client.ts";
import { testNamespace, testPod, testService, testSlice } from "./test-support/objects.ts";
import { startTestMesh, type TestMesh } from "./test-support/test-mesh.ts";

const host = "web.sample.svc.cluster.local";
const cluster = `outbound|80||${host}`;
const other = "outbound|80||other.sample.svc.cluster.local";
const deadline = () => ({ signal: AbortSignal.timeout(30_000) });

/** A VirtualService that gives requests for the host this timeout. */
function timeoutRule(seconds: number): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "web", namespace: "sample" },
    spec: { hosts: ["web"], http: [{ timeout: `${seconds}s`, route: [{ destination: { host: "web" } }] }] },
  } as KubeObject;
}

suite("the order of ADS", () => {
  let mesh: TestMesh;
  let session: ClientHttp2Session;

  beforeEach(async () => {
    mesh = await startTestMesh([
      testNamespace("istio-system"),
      testNamespace("sample"),
      testService("web"),
      { ...testService("other"), spec: { ...testService("other").spec, clusterIP: "10.96.0.8" } } as Service,
      testPod("web", "10.1.0.1"),
      testSlice("web", ["10.1.0.1"]),
      testSlice("other", ["10.1.0.5"]),
    ]);
    session = plainSession(mesh.portOf(15010));
  });
  afterEach(async () => {
    session.destroy();
    await mesh.stop();
  });

  /** A proxy that has everything. */
  const proxy = async (): Promise<DeltaClient> => {
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    await client.next(typeUrls.cluster);
    client.send({ typeUrl: typeUrls.endpoint, resourceNamesSubscribe: [cluster, other] });
    await client.next(typeUrls.endpoint);
    client.send({ typeUrl: typeUrls.listener });
    await client.next(typeUrls.listener);
    client.send({ typeUrl: typeUrls.route, resourceNamesSubscribe: ["80"] });
    await client.next(typeUrls.route);
    return client;
  };
  const changesOtherEndpoints = (address: string) => mesh.api.put(testSlice("other", [address]));

  test("a cluster that goes is taken away only when the proxy has taken the routes without it", async () => {
    const client = await proxy();
    mesh.api.remove(testService("web"));
    const routes = await waitFor(
      () => client.responses.find(({ typeUrl }) => typeUrl === typeUrls.route),
      deadline(),
    );
    // Something that is sent later, and yet no cluster is taken away.
    changesOtherEndpoints("10.1.0.6");
    await waitFor(() => client.responses.find(({ typeUrl }) => typeUrl === typeUrls.endpoint), deadline());
    assert.deepEqual(
      client.responses.flatMap(({ removedResources }) => removedResources),
      [],
    );
    client.send({ typeUrl: typeUrls.route, responseNonce: routes.nonce });
    assert.deepEqual((await client.next(typeUrls.cluster)).removedResources, [cluster]);
    const assignments = await waitFor(
      () => client.responses.find(({ removedResources }) => removedResources.length > 0),
      deadline(),
    );
    assert.deepEqual([assignments.typeUrl, assignments.removedResources], [typeUrls.endpoint, [cluster]]);
  });

  test("routes that the proxy refuses do not keep a cluster for ever", async () => {
    const client = await proxy();
    mesh.api.remove(testService("web"));
    const routes = await waitFor(
      () => client.responses.find(({ typeUrl }) => typeUrl === typeUrls.route),
      deadline(),
    );
    client.send({
      typeUrl: typeUrls.route,
      responseNonce: routes.nonce,
      errorDetail: { code: 3, message: "no" },
    });
    assert.deepEqual((await client.next(typeUrls.cluster)).removedResources, [cluster]);
  });

  test("a state-of-the-world stream hears of a cluster until its routes are taken, too", async () => {
    const client = openSotw(session);
    const take = async (typeUrl: string) => {
      const response = await client.next(typeUrl);
      client.send({ typeUrl, responseNonce: response.nonce, versionInfo: response.versionInfo });
      return response;
    };
    const names = (response: Awaited<ReturnType<typeof take>>) =>
      response.resources.map((resource) => anyUnpack(resource, ClusterSchema)?.name);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    await take(typeUrls.cluster);
    client.send({ typeUrl: typeUrls.route, resourceNames: ["80"] });
    const first = await client.next(typeUrls.route);
    client.send({
      typeUrl: typeUrls.route,
      resourceNames: ["80"],
      responseNonce: first.nonce,
      versionInfo: first.versionInfo,
    });
    mesh.api.remove(testService("web"));
    mesh.api.put(testService("third"));
    const routes = await client.next(typeUrls.route);
    const meanwhile = names(await take(typeUrls.cluster));
    assert.ok(meanwhile.includes(cluster) && meanwhile.some((name) => name?.includes("third")));
    client.send({
      typeUrl: typeUrls.route,
      resourceNames: ["80"],
      responseNonce: routes.nonce,
      versionInfo: routes.versionInfo,
    });
    assert.ok(!names(await take(typeUrls.cluster)).includes(cluster));
    client.end();
  });

  test("requests that come in one go are all answered", async () => {
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    const clusters = await waitFor(() => client.responses[0], deadline());
    client.send({ typeUrl: typeUrls.cluster, responseNonce: clusters.nonce });
    client.send({ typeUrl: typeUrls.endpoint, resourceNamesSubscribe: [cluster] });
    client.send({ typeUrl: typeUrls.listener });
    for (const typeUrl of [typeUrls.endpoint, typeUrls.listener])
      await waitFor(() => client.responses.find((response) => response.typeUrl === typeUrl), deadline());
  });

  test("what is new comes before what refers to it", async () => {
    const client = await proxy();
    mesh.api.put({
      ...testService("third", { port: 90, name: "http" }),
      spec: { clusterIP: "10.96.0.9", selector: { app: "third" }, ports: [{ port: 90, name: "http" }] },
    } as Service);
    mesh.api.put({
      ...testService("fourth"),
      spec: { clusterIP: "10.96.0.10", selector: { app: "fourth" }, ports: [{ port: 80, name: "http" }] },
    } as Service);
    await waitFor(() => (client.responses.length === 3 ? true : undefined), deadline());
    assert.deepEqual(
      client.responses.map(({ typeUrl }) => typeUrl),
      [typeUrls.cluster, typeUrls.listener, typeUrls.route],
    );
  });

  test("a VirtualService sends the route table that it is in and nothing else", async () => {
    const client = await proxy();
    mesh.api.put(timeoutRule(1));
    assert.deepEqual(
      (await client.next(typeUrls.route)).resources.map(({ name }) => name),
      ["80"],
    );
    changesOtherEndpoints("10.1.0.7");
    await client.next(typeUrls.endpoint);
    assert.deepEqual(client.responses, []);
  });

  test("a burst of rules is one push, and endpoints after it do not wait", async () => {
    const client = await proxy();
    for (let i = 1; i <= 60; i++) {
      mesh.api.put(timeoutRule(i));
      // A turn of the event loop between them, as between the requests of kubectl apply.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const last = await waitFor(
      () =>
        client.responses.findLast(({ resources: [table] }) =>
          Buffer.from(table?.resource?.value ?? []).includes(Buffer.from([0x08, 60])),
        ),
      deadline(),
    );
    assert.equal(last.typeUrl, typeUrls.route);
    assert.ok(client.responses.length < 15, `${client.responses.length} responses`);
  });

  test("a cluster asked for by name that is not there is answered as removed", async () => {
    const client = await proxy();
    client.send({ typeUrl: typeUrls.cluster, resourceNamesSubscribe: ["outbound|80||nobody"] });
    assert.deepEqual((await client.next(typeUrls.cluster)).removedResources, ["outbound|80||nobody"]);
    client.send({ typeUrl: typeUrls.cluster, resourceNamesSubscribe: [cluster] });
    assert.deepEqual(
      (await client.next(typeUrls.cluster)).resources.map(({ name }) => name),
      [cluster],
    );
  });

  test("a proxy that does not read is sent nothing more, and afterwards only the newest", async () => {
    for (let i = 0; i < 400; i++) {
      const service = testService(`many-${i}`);
      mesh.api.put({
        ...service,
        spec: { ...service.spec, clusterIP: `10.97.${i >> 8}.${i & 255}` },
      } as Service);
    }
    await waitFor(
      async () =>
        (await (await fetch(`http://127.0.0.1:${mesh.portOf(15014)}/metrics`)).text()).includes(
          "pilot_services 402",
        ) || undefined,
      deadline(),
    );
    const slow = plainSession(mesh.portOf(15010));
    const stream = slow.request({
      ":method": "POST",
      ":path": methods.deltaAggregatedResources,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const request = toBinary(DeltaDiscoveryRequestSchema, {
      $typeName: "envoy.service.discovery.v3.DeltaDiscoveryRequest",
      typeUrl: typeUrls.cluster,
      node: testNode(),
      resourceNamesSubscribe: [],
      resourceNamesUnsubscribe: [],
      initialResourceVersions: {},
      responseNonce: "",
      resourceLocatorsSubscribe: [],
      resourceLocatorsUnsubscribe: [],
    });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(request.length, 1);
    stream.write(Buffer.concat([head, request]));
    // Nobody reads. A proxy beside it hears of every change meanwhile.
    const client = await proxy();
    for (let i = 1; i <= 30; i++) {
      mesh.api.put({
        apiVersion: "networking.istio.io/v1",
        kind: "DestinationRule",
        metadata: { name: "web", namespace: "sample" },
        spec: { host: "web", trafficPolicy: { connectionPool: { tcp: { maxConnections: i } } } },
      } as KubeObject);
      await client.next(typeUrls.cluster);
    }
    let responses = 0;
    let buffered = Buffer.alloc(0);
    let isNewest = false;
    stream.on("data", (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      for (;;) {
        const length = buffered.length < 5 ? Number.POSITIVE_INFINITY : buffered.readUInt32BE(1) + 5;
        if (buffered.length < length) return;
        responses++;
        // max_connections 30 as a wrapped number: tag, length 2, tag, 30.
        isNewest ||= buffered.subarray(0, length).includes(Buffer.from([0x12, 2, 0x08, 30]));
        buffered = buffered.subarray(length);
      }
    });
    await waitFor(() => isNewest || undefined, deadline());
    assert.ok(responses <= 4, `${responses} responses`);
    slow.destroy();
  });
});

suite("Secrets over ADS", () => {
  const name = "kubernetes://cert";
  const secret = (namespace: string) =>
    ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "cert", namespace },
      type: "kubernetes.io/tls",
      data: { "tls.crt": "Y2VydA==", "tls.key": Buffer.from(`key of ${namespace}`).toString("base64") },
    }) as KubeObject;
  let mesh: TestMesh;
  const sessions: ClientHttp2Session[] = [];

  beforeEach(async () => {
    mesh = await startTestMesh([
      testNamespace("sample"),
      testNamespace("elsewhere"),
      secret("sample"),
      secret("elsewhere"),
      {
        apiVersion: "networking.istio.io/v1",
        kind: "Gateway",
        metadata: { name: "edge", namespace: "sample" },
        spec: {
          selector: { istio: "edge" },
          servers: [
            {
              port: { number: 443, name: "https", protocol: "HTTPS" },
              hosts: ["*"],
              tls: { mode: "SIMPLE", credentialName: "cert" },
            },
          ],
        },
      } as KubeObject,
    ]);
    mesh.api.tokens.set("good", "sample:edge");
    mesh.api.tokens.set("elsewhere", "elsewhere:edge");
  });
  afterEach(async () => {
    for (const session of sessions.splice(0)) session.destroy();
    await mesh.stop();
  });

  const gateway = (namespace: string) =>
    testNode({ type: "router", namespace, account: "edge", labels: { istio: "edge" } });
  const over = (session: ClientHttp2Session, token?: string) => {
    sessions.push(session);
    return openDelta(
      session,
      token === undefined ? {} : { authorization: `Bearer ${token}`, clusterid: "c1" },
    );
  };
  const secure = () => tlsSession(mesh.portOf(15012), mesh.signer.rootPem);

  test("a gateway that has proved who it is gets those of its own namespace", async () => {
    const client = over(secure(), "good");
    client.send({ node: gateway("sample"), typeUrl: typeUrls.secret, resourceNamesSubscribe: [name] });
    const [found] = (await client.next(typeUrls.secret)).resources;
    assert.equal(found?.name, name);
    assert.ok(Buffer.from(found?.resource?.value ?? []).includes("key of sample"));
  });

  test("on the port without identities nobody gets any", async () => {
    const client = over(plainSession(mesh.portOf(15010)));
    client.send({ node: gateway("sample"), typeUrl: typeUrls.secret, resourceNamesSubscribe: [name] });
    const answer = await client.next(typeUrls.secret);
    assert.deepEqual([answer.resources, answer.removedResources], [[], [name]]);
  });

  test("another namespace's are not given out, and to claim that namespace ends the call", async () => {
    const client = over(secure(), "elsewhere");
    client.send({
      node: gateway("elsewhere"),
      typeUrl: typeUrls.secret,
      resourceNamesSubscribe: [name, "kubernetes://sample/cert"],
    });
    const answer = await client.next(typeUrls.secret);
    assert.ok(
      answer.resources.every(({ resource }) => !Buffer.from(resource?.value ?? []).includes("key of sample")),
    );
    const liar = over(secure(), "elsewhere");
    liar.send({ node: gateway("sample"), typeUrl: typeUrls.secret, resourceNamesSubscribe: [name] });
    assert.match(String(await liar.failure), /the caller is elsewhere\/edge, not sample\/edge/);
  });
});
