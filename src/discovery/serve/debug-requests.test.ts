import assert from "node:assert/strict";
import type { ClientHttp2Session } from "node:http2";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import { ListenersConfigDumpSchema } from "../../xds/gen/envoy/admin/v3/config_dump_shared_pb.js";
import { ClientConfigSchema, ConfigStatus } from "../../xds/gen/envoy/service/status/v3/csds_pb.js";
import { GrpcError, grpcStatus, typeUrls } from "../../xds/index.ts";
import { debugTypes } from "./debug-types.ts";
import { openDelta, openSotw, plainSession, testNode, tlsSession } from "./test-support/ads-client.ts";
import { testNamespace, testService } from "./test-support/objects.ts";
import { startTestMesh, type TestMesh } from "./test-support/test-mesh.ts";

suite("status over ADS, as istioctl asks for it", () => {
  let mesh: TestMesh;
  let session: ClientHttp2Session;

  beforeEach(async () => {
    mesh = await startTestMesh([
      testNamespace("istio-system"),
      testNamespace("sample"),
      testNamespace("other"),
      testService("web"),
    ]);
    mesh.api.tokens.set("client", "sample:client");
    mesh.api.tokens.set("stranger", "other:client");
    mesh.api.tokens.set("tool", "istio-system:default");
    session = tlsSession(mesh.portOf(15012), mesh.signer.rootPem);
    const proxy = openDelta(session, { authorization: "Bearer client" });
    proxy.send({ node: testNode(), typeUrl: typeUrls.cluster });
    await proxy.next(typeUrls.cluster);
    proxy.send({ typeUrl: typeUrls.listener });
    await proxy.next(typeUrls.listener);
    await waitFor(async () => ((await syncz()).text.match(/SYNCED/g)?.length === 2 ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });
  });
  afterEach(async () => {
    session.destroy();
    await mesh.stop();
  });

  const syncz = async () => {
    const answer = await fetch(`http://127.0.0.1:${mesh.portOf(15014)}/debug/syncz`);
    const text = await answer.text();
    return { text, rows: JSON.parse(text) as { proxy: string }[] };
  };
  const tool = (namespace = "istio-system", account = "default") =>
    testNode({ pod: "test", namespace, account });
  const ask = (token: string, node: ReturnType<typeof testNode>) => {
    const client = openSotw(session, { authorization: `Bearer ${token}` });
    return (typeUrl: string, ...resourceNames: string[]) => {
      // istioctl's client sends a nonce of its own with every request.
      client.send({ node, typeUrl, resourceNames, responseNonce: new Date().toISOString() });
      return client.next(typeUrl);
    };
  };

  test("syncz tells what each proxy acknowledged and which istiod says so; who asks is no proxy", async () => {
    const { resources, controlPlane } = await ask("tool", tool())(debugTypes.sync);
    assert.equal(resources.length, 1);
    const config = resources[0] === undefined ? undefined : anyUnpack(resources[0], ClientConfigSchema);
    assert.match(config?.node?.id ?? "", /client-1\.sample/);
    assert.equal(config?.node?.metadata?.["CLUSTER_ID"], "c1");
    assert.deepEqual(
      config?.genericXdsConfigs.map(({ typeUrl, configStatus }) => [typeUrl, configStatus]),
      [
        [typeUrls.cluster, ConfigStatus.SYNCED],
        [typeUrls.listener, ConfigStatus.SYNCED],
      ],
    );
    const { Component, ID, Info } = JSON.parse(controlPlane?.identifier ?? "{}");
    assert.deepEqual([Component, ID, Info.version], ["istiod", "istiod-0", "1.31.1"]);
    assert.deepEqual(
      (await syncz()).rows.map(({ proxy }) => proxy),
      ["client-1.sample"],
    );
  });

  test("config_dump is Envoy's dump of what the named proxy is sent; nothing for one that is not here", async () => {
    const of = ask("tool", tool());
    const { resources } = await of(debugTypes.configDump, "client-1.sample");
    const listeners = resources.find(({ typeUrl }) => typeUrl.endsWith("ListenersConfigDump"));
    const dump = listeners === undefined ? undefined : anyUnpack(listeners, ListenersConfigDumpSchema);
    assert.ok(dump?.dynamicListeners.some(({ name }) => name === "virtualInbound"));
    assert.deepEqual((await of(debugTypes.configDump, "nobody.sample")).resources, []);
  });

  test("any page is an answer as well", async () => {
    const { resources } = await ask("tool", tool())(debugTypes.page, "edsz?proxyID=client-1.sample");
    assert.match(Buffer.from(resources[0]?.value ?? "").toString(), /"clusterName"|"configs"/);
  });

  test("callers of other namespaces see the proxies of their own namespace only", async () => {
    const own = await ask("client", testNode({ pod: "test" }))(debugTypes.sync);
    assert.equal(own.resources.length, 1);
    const foreign = ask("stranger", tool("other", "client"));
    assert.deepEqual((await foreign(debugTypes.sync)).resources, []);
    assert.deepEqual((await foreign(debugTypes.configDump, "client-1.sample")).resources, []);
  });

  test("who is not authenticated, or asks for pages of others, is turned away", async () => {
    const plain = plainSession(mesh.portOf(15010));
    const anonymous = openDelta(plain);
    anonymous.send({ node: tool(), typeUrl: debugTypes.sync });
    const stranger = openDelta(session, { authorization: "Bearer stranger" });
    stranger.send({
      node: tool("other", "client"),
      typeUrl: debugTypes.page,
      resourceNamesSubscribe: ["clusterz"],
    });
    for (const [client, code] of [
      [anonymous, grpcStatus.unauthenticated],
      [stranger, grpcStatus.permissionDenied],
    ] as const) {
      const failure = await client.failure;
      assert.ok(failure instanceof GrpcError);
      assert.equal(failure.code, code);
    }
    plain.destroy();
  });
});
