import assert from "node:assert/strict";
import type { ClientHttp2Session } from "node:http2";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import { openDelta, plainSession, testNode } from "./test-support/ads-client.ts";
import { remoteSecret, testNamespace, testPod, testService, testSlice } from "./test-support/objects.ts";
import { startTestMesh, type TestMesh } from "./test-support/test-mesh.ts";

interface ClusterRow {
  readonly id: string;
  readonly secretName: string;
  readonly syncStatus: string;
  readonly problem?: string;
}

suite("remote clusters", () => {
  let mesh: TestMesh;
  let session: ClientHttp2Session;

  beforeEach(async () => {
    mesh = await startTestMesh([
      testNamespace("sample"),
      testService("web"),
      testPod("web", "10.1.0.1"),
      testSlice("web", ["10.1.0.1"]),
    ]);
    for (const name of ["c2", "c3"]) {
      const api = mesh.remote(name);
      api.put(testService("web"));
      const address = name === "c2" ? "10.2.0.1" : "10.3.0.1";
      api.put(testPod("web", address));
      api.put(testSlice("web", [address]));
    }
    session = plainSession(mesh.portOf(15010));
  });
  afterEach(async () => {
    session.destroy();
    await mesh.stop();
  });

  const page = async (path: string) => (await fetch(`http://127.0.0.1:${mesh.portOf(8080)}${path}`)).json();
  const rows = async () => (await page("/debug/clusterz")) as ClusterRow[];
  const addresses = async () => {
    const hosts = (await page("/debug/endpointz")) as {
      svc: string;
      ep: { endpoint: { Address: string } }[];
    }[];
    const web = hosts.find(({ svc }) => svc.startsWith("web."));
    return (web?.ep ?? []).map(({ endpoint }) => endpoint.Address).sort();
  };
  const becomes = (wanted: readonly string[]) =>
    waitFor(async () => ((await addresses()).join() === wanted.join() ? true : undefined), {
      signal: AbortSignal.timeout(5000),
    });

  test("one Secret may bring several clusters, and their endpoints come and go with it", async () => {
    await becomes(["10.1.0.1"]);
    mesh.api.put(remoteSecret("remotes", { c2: "c2", c3: "c3" }));
    await becomes(["10.1.0.1", "10.2.0.1", "10.3.0.1"]);
    mesh.api.put(remoteSecret("remotes", { c2: "c2" }));
    await becomes(["10.1.0.1", "10.2.0.1"]);
    mesh.api.remove(remoteSecret("remotes", { c2: "c2" }));
    await becomes(["10.1.0.1"]);
  });

  test("a cluster that goes away keeps its last known endpoints and comes back by itself", async () => {
    mesh.api.put(remoteSecret("remotes", { c2: "c2" }));
    await becomes(["10.1.0.1", "10.2.0.1"]);
    mesh.remote("c2").disconnect();
    await waitFor(
      async () => (await rows()).find(({ id, syncStatus }) => id === "c2" && syncStatus === "unreachable"),
      {
        signal: AbortSignal.timeout(5000),
      },
    );
    assert.deepEqual(await addresses(), ["10.1.0.1", "10.2.0.1"]);
    mesh.remote("c2").connect();
    mesh.remote("c2").put(testSlice("web", ["10.2.0.7"]));
    await becomes(["10.1.0.1", "10.2.0.7"]);
  });

  test("an unreachable cluster holds up neither others nor proxies", async () => {
    mesh.remote("c2").disconnect();
    mesh.api.put(remoteSecret("remotes", { c2: "c2", c3: "c3" }));
    await becomes(["10.1.0.1", "10.3.0.1"]);
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster" });
    assert.ok(
      (await client.next("type.googleapis.com/envoy.config.cluster.v3.Cluster")).resources.length > 0,
    );
  });

  test("a kubeconfig that can't be used is reported with its Secret, and a right one takes its place", async () => {
    mesh.api.put(remoteSecret("remotes", { c2: "broken" }));
    const row = await waitFor(async () => (await rows()).find(({ id }) => id === "c2"), {
      signal: AbortSignal.timeout(5000),
    });
    assert.deepEqual(row, {
      id: "c2",
      secretName: "istio-system/remotes",
      syncStatus: "unusable",
      problem: "the kubeconfig has no current context",
    });
    mesh.api.put(remoteSecret("remotes", { c2: "c2" }));
    await becomes(["10.1.0.1", "10.2.0.1"]);
  });

  test("a renewed kubeconfig swaps the connection without losing endpoints that are still there", async () => {
    mesh.api.put(remoteSecret("remotes", { c2: "c2" }));
    await becomes(["10.1.0.1", "10.2.0.1"]);
    mesh.remote("c2 renewed").put(testService("web"));
    mesh.remote("c2 renewed").put(testPod("web", "10.2.0.2"));
    mesh.remote("c2 renewed").put(testSlice("web", ["10.2.0.2"]));
    mesh.api.put(remoteSecret("remotes", { c2: "c2 renewed" }));
    await becomes(["10.1.0.1", "10.2.0.2"]);
  });

  test("the own cluster and a cluster that another Secret brought are not taken twice", async () => {
    mesh.api.put(remoteSecret("first", { c2: "c2" }));
    mesh.api.put(remoteSecret("second", { c1: "c3", c2: "c3" }));
    const found = await waitFor(
      async () => {
        const all = (await rows()).filter(({ secretName }) => secretName.endsWith("second"));
        return all.length === 2 ? all : undefined;
      },
      { signal: AbortSignal.timeout(5000) },
    );
    assert.deepEqual(
      found.map(({ id, problem }) => [id, problem]),
      [
        ["c1", '"c1" is the control plane\'s own cluster'],
        ["c2", 'cluster "c2" comes from istio-system/first already'],
      ],
    );
  });
});
