import assert from "node:assert/strict";
import type { ClientHttp2Session } from "node:http2";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import type { LbEndpoint } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import { ClusterLoadAssignmentSchema } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { DeltaDiscoveryResponse } from "../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { typeUrls } from "../../xds/index.ts";
import type { SyncStatus } from "./sync-status.ts";
import { openDelta, openSotw, plainSession, testNode } from "./test-support/ads-client.ts";
import { testNamespace, testPod, testService, testSlice } from "./test-support/objects.ts";
import { startTestMesh, type TestMesh } from "./test-support/test-mesh.ts";

const cluster = "outbound|80||web.sample.svc.cluster.local";

function addressOf({ hostIdentifier }: LbEndpoint): string[] {
  const address = hostIdentifier.case === "endpoint" ? hostIdentifier.value.address?.address : undefined;
  return address?.case === "socketAddress" ? [address.value.address] : [];
}

function addresses(response: DeltaDiscoveryResponse): string[] {
  return response.resources.flatMap(({ resource }) => {
    const assignment = resource === undefined ? undefined : anyUnpack(resource, ClusterLoadAssignmentSchema);
    return (assignment?.endpoints ?? []).flatMap(({ lbEndpoints }) => lbEndpoints.flatMap(addressOf));
  });
}

suite("ADS", () => {
  let mesh: TestMesh;
  let session: ClientHttp2Session;

  beforeEach(async () => {
    mesh = await startTestMesh([
      testNamespace("istio-system"),
      testNamespace("sample"),
      testService("web"),
      testService("other"),
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

  test("a delta stream gets clusters, then the endpoints it asks for, then listeners and routes", async () => {
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    const clusters = await client.next(typeUrls.cluster);
    assert.ok(clusters.resources.some(({ name }) => name === cluster));
    client.send({ typeUrl: typeUrls.endpoint, resourceNamesSubscribe: [cluster] });
    assert.deepEqual(addresses(await client.next(typeUrls.endpoint)), ["10.1.0.1"]);
    client.send({ typeUrl: typeUrls.listener });
    const listeners = await client.next(typeUrls.listener);
    assert.deepEqual(listeners.resources.map(({ name }) => name).sort(), [
      "0.0.0.0_80",
      "virtualInbound",
      "virtualOutbound",
    ]);
    client.send({ typeUrl: typeUrls.route, resourceNamesSubscribe: ["80"] });
    assert.deepEqual(
      (await client.next(typeUrls.route)).resources.map(({ name }) => name),
      ["80"],
    );
  });

  test("a change of endpoints sends the one assignment that changed and nothing else", async () => {
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    await client.next(typeUrls.cluster);
    client.send({
      typeUrl: typeUrls.endpoint,
      resourceNamesSubscribe: [cluster, "outbound|80||other.sample.svc.cluster.local"],
    });
    assert.equal((await client.next(typeUrls.endpoint)).resources.length, 2);
    mesh.api.put(testSlice("web", ["10.1.0.1", "10.1.0.2"]));
    const update = await client.next(typeUrls.endpoint);
    assert.deepEqual(
      update.resources.map(({ name }) => name),
      [cluster],
    );
    assert.deepEqual(addresses(update), ["10.1.0.1", "10.1.0.2"]);
    assert.deepEqual(client.responses, []);
  });

  test("a service that goes is removed by name, and its cluster's endpoints with it", async () => {
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    await client.next(typeUrls.cluster);
    mesh.api.remove(testService("web"));
    assert.deepEqual((await client.next(typeUrls.cluster)).removedResources, [cluster]);
  });

  test("a cluster that changes is followed by its endpoints, changed or not, since the proxy waits for them", async () => {
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    await client.next(typeUrls.cluster);
    client.send({ typeUrl: typeUrls.endpoint, resourceNamesSubscribe: [cluster] });
    await client.next(typeUrls.endpoint);
    mesh.api.put({
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: "web", namespace: "sample" },
      spec: { host: "web", trafficPolicy: { loadBalancer: { simple: "RANDOM" } } },
    });
    assert.deepEqual(
      (await client.next(typeUrls.cluster)).resources.map(({ name }) => name),
      [cluster],
    );
    assert.deepEqual(
      (await client.next(typeUrls.endpoint)).resources.map(({ name }) => name),
      [cluster],
    );
  });

  test("a secret that is not there is answered as removed, so that nobody waits for it", async () => {
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.secret, resourceNamesSubscribe: ["kubernetes://a"] });
    assert.deepEqual((await client.next(typeUrls.secret)).removedResources, ["kubernetes://a"]);
    client.send({ typeUrl: typeUrls.secret, resourceNamesSubscribe: ["kubernetes://b"] });
    assert.deepEqual((await client.next(typeUrls.secret)).removedResources, ["kubernetes://b"]);
  });

  test("after a reconnect only what differs from the versions brought along is sent", async () => {
    const first = openDelta(session);
    first.send({ node: testNode(), typeUrl: typeUrls.cluster });
    const all = await first.next(typeUrls.cluster);
    first.end();
    const versions = Object.fromEntries(all.resources.map(({ name, version }) => [name, version]));
    const second = openDelta(session);
    second.send({
      node: testNode(),
      typeUrl: typeUrls.cluster,
      initialResourceVersions: { ...versions, "outbound|1||gone": "1", [cluster]: "older" },
    });
    const answer = await second.next(typeUrls.cluster);
    assert.deepEqual(
      answer.resources.map(({ name }) => name),
      [cluster],
    );
    assert.deepEqual(answer.removedResources, ["outbound|1||gone"]);
  });

  test("endpoints and routes of unknown names are answered empty, so that no proxy waits for them", async () => {
    const client = openDelta(session);
    client.send({
      node: testNode(),
      typeUrl: typeUrls.endpoint,
      resourceNamesSubscribe: ["outbound|9||nobody"],
    });
    const answer = await client.next(typeUrls.endpoint);
    assert.deepEqual(
      answer.resources.map(({ name }) => name),
      ["outbound|9||nobody"],
    );
    assert.deepEqual(addresses(answer), []);
  });

  test("a refusal is kept with its reason and shown until the proxy accepts something newer", async () => {
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    const response = await waitFor(() => client.responses[0], { signal: AbortSignal.timeout(30_000) });
    client.send({
      typeUrl: typeUrls.cluster,
      responseNonce: response.nonce,
      errorDetail: { code: 3, message: "no such\nthing" },
    });
    const status = async () => {
      const answer = await fetch(`http://127.0.0.1:${mesh.portOf(15014)}/debug/syncz`);
      return (await answer.json()) as SyncStatus[];
    };
    const refused = await waitFor(
      async () => {
        const [first] = await status();
        return first?.rejections["CDS"] === undefined ? undefined : first;
      },
      { signal: AbortSignal.timeout(30_000) },
    );
    assert.equal(refused.proxy, "client-1.sample");
    assert.equal(refused.states["CDS"], "STALE");
    assert.equal(refused.states["LDS"], "NOT SENT");
    assert.equal(refused.rejections["CDS"]?.message, "no such thing");
    mesh.api.put(testService("third"));
    await waitFor(() => (client.responses.length > 1 ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });
    client.send({ typeUrl: typeUrls.cluster, responseNonce: client.responses.at(-1)?.nonce ?? "" });
    await waitFor(async () => ((await status())[0]?.states["CDS"] === "SYNCED" ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });
  });

  test("a state-of-the-world stream gets all clusters with every change, and only changed endpoints", async () => {
    const client = openSotw(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    const clusters = await client.next(typeUrls.cluster);
    const count = clusters.resources.length;
    client.send({
      typeUrl: typeUrls.cluster,
      responseNonce: clusters.nonce,
      versionInfo: clusters.versionInfo,
    });
    client.send({ typeUrl: typeUrls.endpoint, resourceNames: [cluster] });
    const endpoints = await client.next(typeUrls.endpoint);
    client.send({
      typeUrl: typeUrls.endpoint,
      resourceNames: [cluster, "outbound|80||other.sample.svc.cluster.local"],
      responseNonce: endpoints.nonce,
      versionInfo: endpoints.versionInfo,
    });
    const [added] = (await client.next(typeUrls.endpoint)).resources;
    assert.equal(
      added === undefined ? "" : fromBinary(ClusterLoadAssignmentSchema, added.value).clusterName,
      "outbound|80||other.sample.svc.cluster.local",
    );
    mesh.api.put(testService("third"));
    assert.equal((await client.next(typeUrls.cluster)).resources.length, count + 1);
    client.end();
  });

  test("an answer to an older response is passed over", async () => {
    const client = openSotw(session);
    client.send({ node: testNode(), typeUrl: typeUrls.endpoint, resourceNames: [cluster] });
    await client.next(typeUrls.endpoint);
    client.send({ typeUrl: typeUrls.endpoint, resourceNames: [], responseNonce: "stale" });
    mesh.api.put(testSlice("web", ["10.1.0.3"]));
    assert.equal((await client.next(typeUrls.endpoint)).resources.length, 1);
    client.end();
  });

  test("a first request without a usable node ends the call with a reason", async () => {
    const client = openDelta(session);
    client.send({ typeUrl: typeUrls.cluster });
    assert.match(String(await client.failure), /names no node/);
    const other = openDelta(session);
    other.send({ node: { id: "somebody" }, typeUrl: typeUrls.cluster });
    assert.match(String(await other.failure), /node id "somebody" is not/);
  });

  test("a proxy that reads slowly gets the newest state in the end, not every state on the way", async () => {
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.endpoint, resourceNamesSubscribe: [cluster] });
    await client.next(typeUrls.endpoint);
    for (let i = 1; i <= 200; i++) mesh.api.put(testSlice("web", [`10.2.0.${i}`]));
    const last = await waitFor(
      () => client.responses.find((response) => addresses(response).includes("10.2.0.200")),
      { signal: AbortSignal.timeout(30_000) },
    );
    assert.deepEqual(addresses(last), ["10.2.0.200"]);
    assert.ok(client.responses.length < 20, `${client.responses.length} responses`);
  });

  test("Istio's rules that make no sense leave the rest working", async () => {
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    await client.next(typeUrls.cluster);
    mesh.api.put({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "istio", namespace: "istio-system" },
      data: { mesh: "{" },
    } as never);
    mesh.api.put(testService("third"));
    assert.ok((await client.next(typeUrls.cluster)).resources.some(({ name }) => name.includes("third")));
  });
});
