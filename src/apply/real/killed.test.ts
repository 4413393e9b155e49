import assert from "node:assert/strict";
import { beforeAll, suite, test } from "vitest";
import { startTestServer } from "../../apiserver/test-support/start-test-server.ts";
import type { FaultRule } from "../test-support/fault-proxy.ts";
import { type ApplyRun, type FaultyMesh, withFaultyMesh } from "../test-support/faulty-mesh.ts";
import { sampleOf, sideBySide } from "../test-support/sample.ts";

/** When a process ends: before a change of a cluster arrives, or when it is made and nobody hears of it any more. */
interface Death {
  readonly change: number;
  readonly moment: "before" | "after";
}

const deathsOf = (changes: number): readonly Death[] =>
  Array.from({ length: changes }, (_, change) =>
    (["before", "after"] as const).map((moment) => ({ change, moment })),
  ).flat();

/** Meshes at a time: they wait more than they work. */
const width = 4;

suite("a mesh whose apply is killed", () => {
  let empty: Awaited<ReturnType<FaultyMesh["states"]>>;
  let wanted: typeof empty;
  const changes = { apply: 0, remove: 0 };

  beforeAll(async () => {
    await withFaultyMesh(startTestServer, async (mesh) => {
      empty = await mesh.states();
      changes.apply = await countChanges(mesh, () => mesh.apply());
      wanted = await mesh.states();
      changes.remove = await countChanges(mesh, () => mesh.remove());
      assert.deepEqual(await mesh.states(), empty);
    });
  }, 300_000);

  test("OKE-20 at any change that it makes, by itself or by helm: the next one comes to the same end, and nothing is there twice or left over", async () => {
    assert.ok(changes.apply > 50, `${changes.apply} changes`);
    await sideBySide(sampleOf(deathsOf(changes.apply), 4), width, async (death) => {
      await withFaultyMesh(startTestServer, async (mesh) => {
        await untilKilled(mesh, dieAt(death), (run) => mesh.apply(run));
        const { failures } = await mesh.apply();
        const said = `${death.moment} change ${death.change}`;
        assert.deepEqual(failures, [], said);
        assert.deepEqual(await mesh.states(), wanted, said);
      });
    });
  }, 600_000);

  test("AKS-26 at any change of a removal: the next one leaves nothing", async () => {
    await sideBySide(sampleOf(deathsOf(changes.remove), 1), width, async (death) => {
      await withFaultyMesh(startTestServer, async (mesh) => {
        await mesh.apply();
        await untilKilled(mesh, dieAt(death), (run) => mesh.remove(run).catch(() => {}));
        await mesh.remove();
        assert.deepEqual(await mesh.states(), empty, `${death.moment} change ${death.change}`);
      });
    });
  }, 600_000);

  test("while helm is at work: the next one gives up what that helm has begun, says so, and goes on from there", async () => {
    await withFaultyMesh(startTestServer, async (mesh) => {
      let isBegun = false;
      const diesInside: FaultRule = ({ change, path }) => {
        if (change === undefined) return undefined;
        if (isBegun) return "silence";
        isBegun = path.endsWith("/secrets/sh.helm.release.v1.istiod.v1");
        return undefined;
      };
      await untilKilled(mesh, { one: diesInside }, (run) => mesh.apply(run));
      const { failures, outcomes } = await mesh.apply();
      assert.deepEqual(failures, []);
      // The other cluster's helm may have died, too.
      const [warning] = outcomes.find(({ cluster }) => cluster === "one")?.warnings ?? [];
      assert.equal(warning?.code, "mesh/release-recovered");
      assert.match(
        warning.message,
        /^one: the helm of an earlier apply died .* release istio-system\/istiod \(pending-install\); its revision 1 counts as failed/,
      );
      assert.deepEqual(await mesh.states(), wanted);
    });
  }, 300_000);

  test("while helm takes a release away: the next apply brings it back", async () => {
    await withFaultyMesh(startTestServer, async (mesh) => {
      await mesh.apply();
      let isBegun = false;
      const diesInside: FaultRule = ({ change, method }) => {
        if (change === undefined) return undefined;
        if (isBegun) return "silence";
        isBegun = method === "PUT";
        return undefined;
      };
      await untilKilled(mesh, { one: diesInside }, (run) => mesh.remove(run).catch(() => {}));
      assert.deepEqual((await mesh.apply()).failures, []);
      assert.deepEqual(await mesh.states(), wanted);
    });
  }, 300_000);
});

async function countChanges(mesh: FaultyMesh, step: () => Promise<unknown>): Promise<number> {
  for (const proxy of mesh.proxies.values()) proxy.setRule(undefined);
  await step();
  return [...mesh.proxies.values()].reduce((sum, proxy) => sum + proxy.changes, 0);
}

/** Counts the changes of all clusters together. */
function dieAt({ change: last, moment }: Death): Readonly<Record<string, FaultRule>> {
  let made = 0;
  const rule: FaultRule = ({ change }) => {
    if (made > last) return "silence";
    if (change === undefined || made++ < last) return undefined;
    return moment === "before" ? "silence" : "reset after";
  };
  return { one: rule, two: rule };
}

/** Runs `step` until a rule holds a request back for good, and ends it there: nothing of it gets through any more. */
async function untilKilled(
  mesh: FaultyMesh,
  rules: Readonly<Record<string, FaultRule>>,
  step: (run: ApplyRun) => Promise<unknown>,
): Promise<void> {
  const life = new AbortController();
  let isDead = false;
  for (const [name, proxy] of mesh.proxies)
    proxy.setRule(async (request) => {
      if (isDead) return "silence";
      const fault = await rules[name]?.(request);
      if (fault === undefined) return undefined;
      isDead = true;
      setImmediate(() => life.abort(new Error("killed")));
      return fault;
    });
  await step({ signal: life.signal });
  for (const proxy of mesh.proxies.values()) proxy.setRule(undefined);
}
