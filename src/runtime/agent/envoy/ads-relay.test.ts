import assert from "node:assert/strict";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { suite, test } from "vitest";
import { createSignal, silentLogger, systemClock, waitFor } from "../../../base/index.ts";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "../../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { NameTableSchema } from "../../../xds/gen/istio/networking/nds/v1/nds_pb.js";
import { GrpcError, grpcStatus, typeUrls } from "../../../xds/index.ts";
import { createAdsRelay } from "./ads-relay.ts";
import { createTestCall, type TestCall } from "./test-support/test-call.ts";

const request = (fields: MessageInitShape<typeof DeltaDiscoveryRequestSchema>) =>
  toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, fields));
const response = (fields: MessageInitShape<typeof DeltaDiscoveryResponseSchema>) =>
  toBinary(DeltaDiscoveryResponseSchema, create(DeltaDiscoveryResponseSchema, fields));
const readRequest = (bytes: Uint8Array) => fromBinary(DeltaDiscoveryRequestSchema, bytes);
const readResponse = (bytes: Uint8Array) => fromBinary(DeltaDiscoveryResponseSchema, bytes);

/** A relay between two ends that the test plays. */
function relayed(refusals = 0) {
  const changes = createSignal();
  const settled: string[] = [];
  let left = refusals;
  const streams: TestCall[] = [];
  const relay = createAdsRelay({
    async openAds(signal) {
      if (left-- > 0) throw new GrpcError(grpcStatus.unavailable, "away");
      const stream = createTestCall();
      signal.addEventListener("abort", () => stream.finish());
      streams.push(stream);
      changes.notify();
      return stream;
    },
    adapter: {
      async adapt(message) {
        if (message.typeUrl !== typeUrls.listener) return false;
        message.removedResources.push("adapted");
        return true;
      },
      settle: (typeUrl, nonce) => void settled.push(`${typeUrl.split(".").at(-1)} ${nonce}`),
    },
    clock: { ...systemClock, after: (delay, action) => systemClock.after(Math.min(delay, 5), action) },
    log: silentLogger,
    onChange: () => changes.notify(),
  });
  const envoy = createTestCall();
  const served = relay.serve(envoy);
  served.catch(() => {});
  const until = <T>(probe: () => T | undefined) =>
    waitFor(probe, { changes, signal: AbortSignal.timeout(30_000) });
  return {
    relay,
    envoy,
    served,
    settled,
    until,
    discovery: () => until(() => streams.at(-1)),
  };
}

suite("the ADS relay", () => {
  test("passes requests on as they are, and asks for the name table behind the first", async () => {
    const { relay, envoy, discovery, until } = relayed();
    const first = request({ typeUrl: typeUrls.cluster, node: { id: "sidecar~x" } });
    envoy.receive(first);
    const up = await discovery();
    assert.deepEqual(await up.sent(), first);
    assert.equal(readRequest(await up.sent()).typeUrl, typeUrls.nameTable);
    const table = create(NameTableSchema, { table: { "a.b": { ips: ["240.240.0.1"] } } });
    const resource = anyPack(NameTableSchema, table);
    up.receive(response({ typeUrl: typeUrls.nameTable, nonce: "n1", resources: [{ resource }] }));
    const taken = await until(() => relay.nameTable);
    assert.deepEqual(taken.table["a.b"]?.ips, ["240.240.0.1"]);
    const { typeUrl, responseNonce } = readRequest(await up.sent());
    assert.deepEqual([typeUrl, responseNonce], [typeUrls.nameTable, "n1"]);
    assert.equal(envoy.unread(), 0);
  });

  test("passes responses on, adapted where the adapter does, and notes what Envoy answers", async () => {
    const { relay, envoy, discovery, settled, until } = relayed();
    const up = await discovery();
    const clusters = response({ typeUrl: typeUrls.cluster, nonce: "1", systemVersionInfo: "7" });
    up.receive(clusters);
    up.receive(response({ typeUrl: typeUrls.listener, nonce: "2", systemVersionInfo: "8" }));
    assert.deepEqual(await envoy.sent(), clusters);
    assert.deepEqual(readResponse(await envoy.sent()).removedResources, ["adapted"]);
    envoy.receive(request({ typeUrl: typeUrls.cluster, responseNonce: "1" }));
    const message = "bad\n listener\tx";
    const errorDetail = { $typeName: "google.rpc.Status" as const, code: 13, message, details: [] };
    envoy.receive(request({ typeUrl: typeUrls.listener, responseNonce: "2", errorDetail }));
    await until(() => (settled.length === 2 ? true : undefined));
    assert.deepEqual(relay.types.get(typeUrls.cluster), { version: "7", nonce: "1" });
    assert.deepEqual(relay.types.get(typeUrls.listener), {
      version: "",
      nonce: "2",
      rejected: "bad listener x",
    });
    assert.deepEqual(settled, ["Cluster 1", "Listener 2"]);
    const sent = [await up.sent(), await up.sent(), await up.sent()].map(readRequest);
    assert.equal(sent.find(({ typeUrl }) => typeUrl === typeUrls.listener)?.errorDetail?.message, message);
  });

  test("waits for a discovery that is away while Envoy's stream stays open", async () => {
    const { relay, envoy, discovery } = relayed(3);
    envoy.receive(request({ typeUrl: typeUrls.cluster }));
    assert.equal(relay.connected, false);
    assert.equal(readRequest(await (await discovery()).sent()).typeUrl, typeUrls.cluster);
    assert.equal(relay.connected, true);
  });

  test("ends Envoy's stream when discovery ends its own, so that Envoy subscribes anew", async () => {
    const { relay, served, discovery, until } = relayed();
    (await discovery()).finish(new GrpcError(grpcStatus.unavailable, "gone"));
    await assert.rejects(served, { name: "GrpcError", message: "gone" });
    await until(() => (relay.connected ? undefined : true));
  });

  test("gives discovery's stream up when Envoy's ends", async () => {
    const { relay, envoy, served, discovery } = relayed();
    const up = await discovery();
    envoy.finish();
    await served.catch(() => {});
    assert.equal(up.signal.aborted, true);
    assert.equal(relay.connected, false);
  });
});
