import assert from "node:assert/strict";
import { beforeAll, suite, test } from "vitest";
import { startTestServer } from "../../apiserver/test-support/start-test-server.ts";
import type { Fault, FaultProxy, FaultRule } from "../test-support/fault-proxy.ts";
import { type FaultyMesh, withFaultyMesh } from "../test-support/faulty-mesh.ts";
import { sampleOf, sideBySide } from "../test-support/sample.ts";

/** What goes wrong: with one request, or with all that is open or comes after it. */
const kindsOfFaults = [
  ...(["500", "503", "409", "401", "page"] as const),
  ...(["reset before", "reset after", "half an answer", "silence"] as const),
  ...(["watches are lost", "credentials are revoked", "the cluster is dead"] as const),
] satisfies readonly (Fault | string)[];
type KindOfFault = (typeof kindsOfFaults)[number];

/** Names for what the world may do to a cluster; anything else would be a bug. */
const named = new Set([
  ...["cluster/unreachable", "cluster/forbidden", "manifest/refused"],
  ...["apply/timed-out", "apply/blocked", "gateway/no-address"],
]);

suite("a mesh on clusters whose API fails", () => {
  let wanted: Awaited<ReturnType<FaultyMesh["states"]>>;
  let count = 0;

  beforeAll(async () => {
    await withFaultyMesh(startTestServer, async (mesh) => {
      for (const proxy of mesh.proxies.values()) proxy.setRule(undefined);
      assert.deepEqual((await mesh.apply()).failures, []);
      count = Math.min(...[...mesh.proxies.values()].map((proxy) => proxy.count));
      wanted = await mesh.states();
    });
  }, 300_000);

  test("AKS-27 definitions are waited for: what is of their kinds is there after one apply", () => {
    for (const state of wanted)
      for (const name of ["Thing shop/cart", "VirtualService shop/cart"])
        assert.ok(
          state.some((line) => line.startsWith(name)),
          state.join("\n"),
        );
  });

  test("LIQO-43 OKE-20 whatever fails, at whichever request: the apply gets over it, or names the cluster, the cause and what to do; the next one completes it; no secret is told", async () => {
    assert.ok(count > 60, `${count} requests`);
    const cells = kindsOfFaults.flatMap((kind) =>
      Array.from({ length: count }, (_, at) => ({ kind, at, cluster: at % 2 === 0 ? "one" : "two" })),
    );
    await sideBySide(sampleOf(cells, kindsOfFaults.length), 4, async ({ kind, at, cluster }) => {
      const said = `${kind} at request ${at} to ${cluster}`;
      await withFaultyMesh(startTestServer, async (mesh) => {
        const proxy = mesh.proxies.get(cluster) ?? assert.fail();
        proxy.setRule(ruleOf(kind, at, proxy));
        const { failures } = await mesh.apply({ patience: 400 });
        proxy.setRule(undefined);
        for (const { code, message, nextStep } of failures) {
          assert.ok(named.has(code), `${said}: ${code} ${message}`);
          assert.match(message, /\b(one|two)\b/, said);
          assert.ok(nextStep, `${said}: ${message}`);
        }
        assert.deepEqual((await mesh.apply()).failures, [], said);
        assert.deepEqual(await mesh.states(), wanted, said);
        const told = mesh.said.join("\n");
        for (const secret of await mesh.secrets()) assert.ok(!told.includes(secret), `${said}: ${told}`);
      });
    });
  }, 1_200_000);
});

function ruleOf(kind: KindOfFault, at: number, proxy: FaultProxy): FaultRule {
  switch (kind) {
    case "watches are lost":
      return ({ index }) => {
        if (index === at) proxy.cutWatches();
        return undefined;
      };
    case "credentials are revoked":
      return ({ index }) => (index >= at ? "401" : undefined);
    case "the cluster is dead":
      return ({ index }) => {
        if (index < at) return undefined;
        proxy.cutWatches();
        return "reset before";
      };
    default:
      return ({ index }) => (index === at ? kind : undefined);
  }
}
