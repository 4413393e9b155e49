import assert from "node:assert/strict";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { suite, test } from "vitest";
import { Cluster_SlowStartConfigSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { type BalancerPolicy, createBalancer } from "./balancer.ts";
import { createHost, type Host } from "./host.ts";
import { compileSlowStart, warmth } from "./slow-start.ts";

const host = (address: string, joined: number, weight = 1): Host =>
  createHost({
    address,
    port: 80,
    hostname: undefined,
    joined,
    weight,
    health: "healthy",
    priority: 0,
    locality: "",
    localityWeight: 0,
    tls: undefined,
    workload: undefined,
    transportMatch: "{}",
  });

suite("slow start", () => {
  const window = { slowStartWindow: { seconds: 60n } };
  const aggression = (defaultValue: number) => ({ aggression: { defaultValue, runtimeKey: "" } });

  test.each<[string, MessageInitShape<typeof Cluster_SlowStartConfigSchema>, number, number]>([
    ["starts with a tenth of the weight", window, 0, 0.1],
    ["grows evenly", window, 30, 0.5],
    ["ends with the full weight", window, 60, 1],
    ["keeps it", window, 3600, 1],
    ["starts with as much as is asked for", { ...window, minWeightPercent: { value: 40 } }, 6, 0.4],
    ["may start with next to nothing", { ...window, minWeightPercent: { value: 0 } }, 0, 1 / 60_000],
    ["grows faster at first, with more aggression", { ...window, ...aggression(2) }, 15, 0.5],
    ["grows slower at first, with less aggression", { ...window, ...aggression(0.5) }, 30, 0.25],
  ])("%s", (_title, config, seconds, expected) => {
    const rules = compileSlowStart(create(Cluster_SlowStartConfigSchema, config));
    assert.ok(rules);
    assert.ok(Math.abs(warmth(rules, 1000, 1000 + seconds * 1000) - expected) < 1e-9);
  });

  test("there is none without a window", () => {
    assert.equal(compileSlowStart(create(Cluster_SlowStartConfigSchema, {})), undefined);
    assert.equal(compileSlowStart(undefined), undefined);
  });

  const slowStart = compileSlowStart(create(Cluster_SlowStartConfigSchema, window));
  const policies: readonly BalancerPolicy[] = [
    { kind: "round-robin", slowStart },
    { kind: "least-request", choices: 2, slowStart },
  ];
  for (const policy of policies) {
    test(`the share of a new host grows under ${policy.kind}`, () => {
      const start = 1_000_000;
      let now = start;
      const [old, heavy, fresh] = [host("old", 0), host("heavy", 0, 2), host("fresh", start)];
      const pick = createBalancer(policy, [old, heavy, fresh], () => now);
      const share = () => {
        let count = 0;
        for (let i = 0; i < 4000; i++) if (pick(undefined) === fresh) count++;
        return count / 4000;
      };
      const shares = [0, 15, 30, 45, 60, 600].map((seconds) => {
        now = start + seconds * 1000;
        return share();
      });
      const expected = [0.1, 0.25, 0.5, 0.75, 1, 1].map((weight) => weight / (3 + weight));
      for (const [index, wanted] of expected.entries()) {
        assert.ok(Math.abs((shares[index] ?? 0) - wanted) < 0.01, `${shares} is not ${expected}`);
      }
    });
  }

  test("hosts that are equally new share as ever", () => {
    const hosts = [host("a", 0), host("b", 0), host("c", 0)];
    const pick = createBalancer({ kind: "round-robin", slowStart }, hosts, () => 1000);
    const picked = Array.from({ length: 300 }, () => pick(undefined));
    const counts = hosts.map((wanted) => picked.filter((host) => host === wanted).length);
    assert.deepEqual(counts, [100, 100, 100]);
  });

  test("under least request a new host that is busy gets less still", () => {
    const [old, fresh] = [host("old", 0), host("fresh", 100_000)];
    fresh.active = 4;
    const pick = createBalancer(
      { kind: "least-request", choices: 2, slowStart },
      [old, fresh],
      () => 130_000,
    );
    let count = 0;
    for (let i = 0; i < 1100; i++) if (pick(undefined) === fresh) count++;
    assert.ok(Math.abs(count - 100) <= 2, String(count));
  });
});
