import assert from "node:assert/strict";
import { afterAll, beforeAll, suite, test } from "vitest";
import type { TrafficEdge, TrafficGraph } from "../../src/telemetry/index.ts";
import { findKubectls } from "../support/tools.ts";
import { hello, startAks } from "./support/examples.ts";
import { assertShare, versions } from "./support/hello.ts";
import { eventually, type MeshUnderTest } from "./support/running-mesh.ts";

suite.skipIf(findKubectls().length === 0)("telemetry of a mesh of two clusters [needs kubectl]", () => {
  let mesh: MeshUnderTest;
  let answered = { v1: 0, v2: 0 };

  const graph = async (...args: string[]): Promise<TrafficGraph> => {
    const { code, stdout, stderr } = await mesh.isthmus("graph", "-o", "json", ...args);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const edgeTo = ({ edges }: TrafficGraph, to: string): TrafficEdge => {
    const found = edges.filter((edge) => edge.to === to);
    assert.equal(found.length, 1, JSON.stringify(edges.map(({ from, to }) => `${from} -> ${to}`)));
    return found[0] as TrafficEdge;
  };

  beforeAll(async () => {
    mesh = await startAks();
    // Requests are only counted evenly once both endpoints are known.
    await eventually(async () => versions(await mesh.curl("main0", hello, 4)).v2 > 0);
    answered = versions(await mesh.curl("main0", hello, 100));
  }, 120_000);
  afterAll(() => mesh?.stop());

  test("the graph has every request once, from its caller to the workload that answered, in whichever cluster", async () => {
    const drawn = await eventually(async () => {
      const now = await graph("--namespace", "sample", "--range", "60s");
      const total = now.edges.reduce((sum, edge) => sum + edge.requestsPerSecond * 60, 0);
      return total >= 95 && now;
    }, 15_000);
    const near = edgeTo(drawn, "workload:main0/sample/helloworld-v1");
    const far = edgeTo(drawn, "workload:remote0/sample/helloworld-v2");
    assert.equal(drawn.edges.length, 2);
    for (const edge of [near, far]) {
      assert.equal(edge.from, "workload:main0/sample/sleep");
      assert.equal(edge.protocol, "http");
      assert.equal(edge.failedPerSecond, 0);
      assert.equal(edge.mutualTls, 1);
      assert.deepEqual(edge.principals, {
        from: "spiffe://cluster.local/ns/sample/sa/sleep",
        to: "spiffe://cluster.local/ns/sample/sa/default",
      });
      assert.equal(edge.service, "helloworld.sample.svc.cluster.local");
      const { p50 = 0, p99 = 0 } = edge.latencyMs ?? {};
      assert.ok(p50 > 0 && p50 <= p99, JSON.stringify(edge.latencyMs));
    }
    assert.deepEqual([near.crossesNetwork, far.crossesNetwork], [false, true]);
    const share = (answered.v1 / (answered.v1 + answered.v2)) * 100;
    assertShare(Math.round(near.share * 1000), 1000, [share - 10, share + 10], "v1 in the graph");
    assert.ok(Math.abs(near.share + far.share - 1) < 1e-9);
  });

  test("the same traffic by service, by cluster and as a table", async () => {
    const byService = await graph("--namespace", "sample", "--services");
    assert.equal(edgeTo(byService, "service:main0/sample/helloworld").share, 1);
    const byCluster = await graph("--namespace", "sample", "--level", "cluster");
    assert.deepEqual(
      byCluster.edges.map(({ from, to }) => [from, to]),
      [
        ["cluster:main0", "cluster:main0"],
        ["cluster:main0", "cluster:remote0"],
      ],
    );
    const { stdout } = await mesh.isthmus("graph", "--namespace", "sample");
    assert.match(
      stdout,
      /main0 {2}sample\/sleep +⇒ +remote0 {2}sample\/helloworld-v2 +http +[\d.]+ +\d+ % +0 % .*✓/,
    );
  });

  test("a graph of something else is refused with what there is", async () => {
    const { code, stderr } = await mesh.isthmus("graph", "--level", "planet");
    assert.equal(code, 3);
    assert.match(stderr, /there is no graph of "planet"[\s\S]*workload, app, versionedApp, service, cluster/);
    assert.match(
      (await mesh.isthmus("graph", "--namespace", "nowhere")).stdout,
      /No traffic in the last 60 s/,
    );
  });
});
