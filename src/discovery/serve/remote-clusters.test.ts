import assert from "node:assert/strict";
import type { ClientHttp2Session } from "node:http2";
import { afterEach, beforeEach, suite, test } from "vitest";
import { waitFor } from "../../base/index.ts";
import { typeUrls } from "../../xds/index.ts";
import { openDelta, plainSession, testNode } from "./test-support/ads-client.ts";
import {
  remoteSecret,
  testKubeconfig,
  testNamespace,
  testPod,
  testService,
  testSlice,
} from "./test-support/objects.ts";
import { startTestMesh, type TestMesh } from "./test-support/test-mesh.ts";

const cluster = "outbound|80||web.sample.svc.cluster.local";

interface ClusterRow {
  readonly id: string;
  readonly secretName: string;
  readonly syncStatus: string;
  readonly problem?: string;
  readonly stale?: boolean;
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
      signal: AbortSignal.timeout(30_000),
    });

  const rowOf = (id: string, syncStatus: string) =>
    waitFor(async () => (await rows()).find((row) => row.id === id && row.syncStatus === syncStatus), {
      signal: AbortSignal.timeout(30_000),
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
    const row = await rowOf("c2", "unreachable");
    assert.equal(row.stale, true);
    assert.deepEqual(await addresses(), ["10.1.0.1", "10.2.0.1"]);
    mesh.remote("c2").connect();
    mesh.remote("c2").put(testSlice("web", ["10.2.0.7"]));
    await becomes(["10.1.0.1", "10.2.0.7"]);
    assert.equal((await rowOf("c2", "synced")).stale, undefined);
  });

  test("an unreachable cluster holds up neither others nor proxies", async () => {
    mesh.remote("c2").disconnect();
    mesh.api.put(remoteSecret("remotes", { c2: "c2", c3: "c3" }));
    await becomes(["10.1.0.1", "10.3.0.1"]);
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.cluster });
    assert.ok((await client.next(typeUrls.cluster)).resources.length > 0);
  });

  test("a kubeconfig that can't be used is reported with its Secret, and a right one takes its place", async () => {
    mesh.api.put(remoteSecret("remotes", { c2: "{}" }));
    const row = await waitFor(async () => (await rows()).find(({ id }) => id === "c2"), {
      signal: AbortSignal.timeout(30_000),
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

  test("a renewed kubeconfig takes over once it has shown what is there; no endpoint is missed meanwhile", async () => {
    mesh.api.put(remoteSecret("remotes", { c2: "c2" }));
    await becomes(["10.1.0.1", "10.2.0.1"]);
    const client = openDelta(session);
    client.send({ node: testNode(), typeUrl: typeUrls.endpoint, resourceNamesSubscribe: [cluster] });
    await client.next(typeUrls.endpoint);
    const renewed = mesh.remote("c2 renewed");
    for (const object of [testService("web"), testPod("web", "10.2.0.1"), testSlice("web", ["10.2.0.1"])])
      renewed.put(object);
    mesh.api.put(remoteSecret("remotes", { c2: "c2 renewed" }));
    await waitFor(() => (mesh.remote("c2").watches === 0 ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });
    renewed.put(testSlice("web", ["10.2.0.1", "10.2.0.2"]));
    await becomes(["10.1.0.1", "10.2.0.1", "10.2.0.2"]);
    const sent = await client.next(typeUrls.endpoint);
    assert.match(JSON.stringify(sent.resources.map(({ name }) => name)), /web/);
    assert.deepEqual(client.responses, [], "the change of credentials itself was sent to proxies");
  });

  test("a renewed kubeconfig that does not work leaves the one before it in use, and says so", async () => {
    mesh.api.put(remoteSecret("remotes", { c2: "c2" }));
    await becomes(["10.1.0.1", "10.2.0.1"]);
    mesh.remote("wrong").disconnect();
    mesh.api.put(remoteSecret("remotes", { c2: "wrong" }));
    const row = await rowOf("c2", "unreachable");
    assert.match(row.problem ?? "", /the new kubeconfig does not work, the one before it is still in use/);
    mesh.remote("c2").put(testSlice("web", ["10.2.0.9"]));
    await becomes(["10.1.0.1", "10.2.0.9"]);
    mesh.api.put(remoteSecret("remotes", { c2: "c2" }));
    await rowOf("c2", "synced");
  });

  test("a revoked credential takes its cluster's endpoints along and leaves no watch open", async () => {
    mesh.api.put(remoteSecret("remotes", { c2: "c2", c3: "c3" }));
    await becomes(["10.1.0.1", "10.2.0.1", "10.3.0.1"]);
    assert.ok(mesh.remote("c2").watches > 0);
    mesh.api.remove(remoteSecret("remotes", {}));
    await becomes(["10.1.0.1"]);
    await waitFor(() => (mesh.remote("c2").watches + mesh.remote("c3").watches === 0 ? true : undefined), {
      signal: AbortSignal.timeout(30_000),
    });
    assert.deepEqual(
      (await rows()).map(({ id }) => id),
      ["c1"],
    );
  });

  test.each([
    ["exec", { exec: { command: "/bin/sh" } }],
    ["tokenFile", { tokenFile: "/etc/passwd" }],
    ["client-key", { "client-key": "/root/key", "client-certificate": "/root/cert" }],
    ["auth-provider", { "auth-provider": { name: "gcp" } }],
  ])("a kubeconfig with %s is refused: it would act on istiod's own machine", async (field, user) => {
    mesh.api.put(remoteSecret("remotes", { c2: testKubeconfig("c2", user), c3: "c3" }));
    await becomes(["10.1.0.1", "10.3.0.1"]);
    const row = await rowOf("c2", "unusable");
    assert.match(row.problem ?? "", new RegExp(`not allowed .*user "u" has ${field}`));
    assert.equal(mesh.remote("c2").watches, 0);
  });

  test("of two Secrets for one cluster the older one counts, and when it goes the other takes over", async () => {
    mesh.api.put(remoteSecret("a-younger", { c2: "c3" }, "2026-01-02T00:00:00Z"));
    mesh.api.put(remoteSecret("b-older", { c2: "c2" }, "2026-01-01T00:00:00Z"));
    await becomes(["10.1.0.1", "10.2.0.1"]);
    const row = await rowOf("c2", "unusable");
    assert.deepEqual(
      [row.secretName, row.problem],
      ["istio-system/a-younger", 'cluster "c2" comes from istio-system/b-older already'],
    );
    mesh.api.remove(remoteSecret("b-older", {}));
    await becomes(["10.1.0.1", "10.3.0.1"]);
  });

  test("the own cluster and a cluster that another Secret brought are not taken twice", async () => {
    mesh.api.put(remoteSecret("first", { c2: "c2" }));
    mesh.api.put(remoteSecret("second", { c1: "c3", c2: "c3" }));
    const found = await waitFor(
      async () => {
        const all = (await rows()).filter(({ secretName }) => secretName.endsWith("second"));
        return all.length === 2 ? all : undefined;
      },
      { signal: AbortSignal.timeout(30_000) },
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
