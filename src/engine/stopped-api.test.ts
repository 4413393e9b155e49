import assert from "node:assert/strict";
import { suite, test } from "vitest";
import { createHttpTransport, createKubeClient, kinds } from "../kube/index.ts";
import { addressesOf, apiPort, claimBlocks } from "./address-blocks.ts";
import { clusterKeys } from "./cluster-keys.ts";
import { serveStoppedApi } from "./stopped-api.ts";

suite("the API address of a stopped cluster", () => {
  test("says that the cluster is stopped and stays held against others", async () => {
    // A remembered block far from those that other meshes of this machine take first.
    const [claimed] = (await claimBlocks(["a"], new Map([["a", 119]]))).values();
    assert.ok(claimed !== undefined);
    const { api } = addressesOf(claimed.block);
    const keys = clusterKeys(undefined, "a", api, Date.now());
    const client = createKubeClient(
      createHttpTransport({ server: `https://${api}:${apiPort}`, ca: keys.caCert }),
    );
    const stop = serveStoppedApi("a", claimed, keys);
    try {
      await assert.rejects(client.list(kinds.pods), /cluster a is stopped; isthmus cluster start a/);
      await stop();
      await assert.rejects(client.list(kinds.pods), (reason: Error) => !/is stopped/.test(reason.message));
      const [moved] = (await claimBlocks(["b"], new Map([["b", claimed.block]]))).values();
      assert.equal(moved?.moved, true, "the block stays claimed, whoever answers on it");
      await moved?.release();
    } finally {
      await claimed.release();
    }
  });
});
