import assert from "node:assert/strict";
import { test } from "vitest";
import { startTestServer } from "../apiserver/test-support/start-test-server.ts";
import { createKubeClient, kinds } from "../kube/index.ts";
import { type HelmReleaseName, releaseEntry } from "./helm/release-entry.ts";
import { releaseRecord } from "./helm/release-record.ts";
import { openInventory } from "./inventory.ts";
import { prune } from "./prune.ts";
import { createResourceMap } from "./resource-map.ts";

test("a release that left the file is uninstalled, and one that was listed and never came is only forgotten", async () => {
  const { api } = await startTestServer();
  try {
    const client = createKubeClient(api.transport({ name: "isthmus", groups: ["system:masters"] }));
    const resources = createResourceMap(client);
    const namespace = "default";
    const inventory = await openInventory(client, resources);
    await inventory.note(["there", "never"].map((name) => releaseEntry({ name, namespace })));
    const [first, last] = [new Date(0), new Date(0)];
    const chart = { name: "there", version: "1.0.0" };
    const record = releaseRecord({ name: "there", namespace, chart, values: {}, objects: [], first, last });
    await client.create(kinds.secrets, record as never);

    const uninstalled: HelmReleaseName[] = [];
    const uninstall = async (release: HelmReleaseName) => void uninstalled.push(release);
    const later = await openInventory(client, resources);
    const { deleted } = await prune("fra", client, resources, later, { uninstall });
    assert.deepEqual(deleted, ["Helm release default/there"]);
    assert.deepEqual(uninstalled, [{ name: "there", namespace }]);
    assert.deepEqual((await openInventory(client, resources)).leftovers().made, []);
  } finally {
    await api.stop();
  }
});
