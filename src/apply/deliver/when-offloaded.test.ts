import assert from "node:assert/strict";
import { afterAll, beforeAll, beforeEach, suite, test } from "vitest";
import { startTestServer, type TestServer } from "../../apiserver/test-support/start-test-server.ts";
import { IsthmusError, silentLogger } from "../../base/index.ts";
import {
  createKubeClient,
  type KubeClient,
  kinds,
  type NamespaceOffloading,
  readCrds,
} from "../../kube/index.ts";
import { whenOffloaded } from "./when-offloaded.ts";

let server: TestServer;
let client: KubeClient;
let waits: (string | undefined)[];

beforeAll(async () => {
  server = await startTestServer();
  client = createKubeClient(server.api.transport({ name: "isthmus", groups: ["system:masters"] }));
  for (const { name, spec } of readCrds("liqo"))
    await client.apply(kinds.customResourceDefinitions, {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name },
      spec,
    });
});
beforeEach(() => {
  waits = [];
});
afterAll(() => server.api.stop());

/** An offloading of a namespace of its own, as it was applied. */
async function offload(namespace: string): Promise<NamespaceOffloading> {
  await client.create(kinds.namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
  });
  return client.create(kinds.namespaceOffloadings, {
    apiVersion: "offloading.liqo.io/v1beta1",
    kind: "NamespaceOffloading",
    metadata: { name: "offloading", namespace },
    spec: { clusterSelector: { nodeSelectorTerms: [] } },
  });
}

const say = (namespace: string, status: NamespaceOffloading["status"]) =>
  client.patch(
    kinds.namespaceOffloadings,
    "offloading",
    { status },
    { type: "merge", subresource: "status", namespace },
  );

const wait = (objects: readonly NamespaceOffloading[], addressTimeout = 10_000) =>
  whenOffloaded({ client, name: "home" }, objects, {
    signal: new AbortController().signal,
    addressTimeout,
    log: silentLogger,
    waiting: (_cluster, what) => {
      if (waits.at(-1) !== what) waits.push(what);
    },
  });

suite("whenOffloaded()", () => {
  test("waits until every namespace is with its providers, and says for which one", async () => {
    const [first, second] = [await offload("first"), await offload("second")];
    await say("first", { observedGeneration: 1, offloadingPhase: "Ready" });
    let isOver = false;
    const waiting = wait([first, second]).then(() => {
      isOver = true;
    });
    while (waits.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isOver, false);
    await say("second", { observedGeneration: 0, offloadingPhase: "Ready" });
    await say("second", { observedGeneration: 1, offloadingPhase: "Ready" });
    await waiting;
    assert.deepEqual([waits.filter((what) => what?.includes("second")).length, waits.at(-1)], [1, undefined]);
  });

  test("LIQO-46 a provider that does not take a namespace ends it, with the reason", async () => {
    const taken = await offload("taken");
    await say("taken", {
      observedGeneration: 1,
      offloadingPhase: "AllFailed",
      remoteNamespacesConditions: {
        far: [
          { type: "Ready", status: "False", reason: "NamespaceExists", message: "it is not of this peering" },
        ],
      },
    });
    await assert.rejects(
      wait([taken]),
      (reason) =>
        reason instanceof IsthmusError &&
        reason.code === "peering/refused" &&
        reason.message === "namespace taken of home can't be offloaded to far: it is not of this peering",
    );
  });

  test("LIQO-43 a provider that does not answer ends it in time, with the address and the step that is missing", async () => {
    const late = await offload("late");
    await client.create(kinds.foreignClusters, {
      apiVersion: "core.liqo.io/v1beta1",
      kind: "ForeignCluster",
      metadata: { name: "far" },
      spec: { clusterID: "far" },
    });
    const message = "https://203.0.113.7:6443 refused the connection";
    const status = {
      role: "Provider",
      conditions: [{ type: "APIServerStatus", status: "Error", message }],
      modules: {
        networking: {
          enabled: true,
          conditions: [{ type: "NetworkConnectionStatus", status: "Established" }],
        },
        authentication: { enabled: false },
        offloading: { enabled: true, conditions: [{ type: "OffloadingNodeStatus", status: "NotReady" }] },
      },
    };
    await client.patch(kinds.foreignClusters, "far", { status }, { type: "merge", subresource: "status" });
    await assert.rejects(wait([late], 300), (reason) => {
      assert.ok(reason instanceof IsthmusError);
      assert.equal(reason.code, "peering/not-established");
      assert.deepEqual(reason.message.split("\n    "), [
        "namespace late of home did not come to its providers within 0 s",
        `far: APIServerStatus is Error, ${message}`,
        "far: OffloadingNodeStatus is NotReady",
      ]);
      return true;
    });
  });

  test("has nothing to wait for where nothing is offloaded", async () => {
    await wait([]);
    assert.deepEqual(waits, []);
  });
});
