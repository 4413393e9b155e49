import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { suite, test } from "vitest";
import {
  type Secret,
  SecretSchema,
} from "../../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "../../../xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { serveSecrets } from "./secret-service.ts";
import { createTestCall } from "./test-support/test-call.ts";

function createSecrets() {
  const secrets = new Map<string, Secret>();
  const listeners = new Map<string, Set<() => void>>();
  return {
    get: (name: string) => secrets.get(name),
    onChange(name: string, listener: () => void, signal: AbortSignal) {
      const known = listeners.get(name) ?? new Set();
      listeners.set(name, known.add(listener));
      signal.addEventListener("abort", () => known.delete(listener));
    },
    put(name: string) {
      secrets.set(name, create(SecretSchema, { name }));
      for (const listener of listeners.get(name) ?? []) listener();
    },
    listening: () => [...listeners.values()].reduce((sum, known) => sum + known.size, 0),
  };
}

const ask = (...resourceNames: string[]) =>
  toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { resourceNames }));

function namesIn(bytes: Uint8Array): string[] {
  return fromBinary(DiscoveryResponseSchema, bytes).resources.map(
    (resource) => anyUnpack(resource, SecretSchema)?.name ?? "",
  );
}

suite("serveSecrets()", () => {
  test("sends a secret when there is one, again when it changes, and nothing of others", async () => {
    const secrets = createSecrets();
    const call = createTestCall();
    const served = serveSecrets(call, secrets);
    call.receive(ask("default"));
    secrets.put("ROOTCA");
    secrets.put("default");
    assert.deepEqual(namesIn(await call.sent()), ["default"]);
    call.receive(ask("default")); // The answer to it.
    secrets.put("default");
    assert.deepEqual(namesIn(await call.sent()), ["default"]);
    call.receive(ask("default", "ROOTCA"));
    assert.deepEqual(namesIn(await call.sent()), ["default", "ROOTCA"]);
    call.finish();
    await served;
    assert.equal(secrets.listening(), 0);
    assert.equal(call.unread(), 0);
  });
});
