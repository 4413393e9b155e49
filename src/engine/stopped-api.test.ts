import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createHttpTransport, createKubeClient, kinds } from "../kube/index.ts";
import { addressesOf, apiPort, claimBlocks } from "./address-blocks.ts";
import { clusterKeys } from "./cluster-keys.ts";
import { serveStoppedApi } from "./stopped-api.ts";

suite("the API address of a stopped cluster", () => {
  test("says that the cluster is stopped, is held against others, and is free again after its release", async () => {
    // A remembered block far from those that other meshes of this machine take first.
    const [claimed] = (await claimBlocks(["a"], new Map([["a", 119]]))).values();
    assert.ok(claimed !== undefined);
    const { block } = claimed;
    const { api } = addressesOf(block);
    const keys = clusterKeys(undefined, "a", api, Date.now());
    await claimed.release();
    const held = await serveStoppedApi("a", block, keys);
    try {
      const client = createKubeClient(
        createHttpTransport({ server: `https://${api}:${apiPort}`, ca: keys.caCert }),
      );
      await assert.rejects(client.list(kinds.pods), /cluster a is stopped; isthmus cluster start a/);
      await assert.rejects(serveStoppedApi("a", block, keys), { code: "engine/port-taken" });
    } finally {
      await held.release();
    }
    const again = await serveStoppedApi("a", block, keys);
    await again.release();
  });
});
