import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, suite, test } from "vitest";
import { findEnvoy, findKubectls } from "../support/tools.ts";
import { okeClusters as clusters, hello, startOke } from "./support/examples.ts";
import { versions } from "./support/hello.ts";
import { eventually, type MeshUnderTest } from "./support/running-mesh.ts";

const envoy = findEnvoy();
const hasTools = envoy !== undefined && findKubectls().length > 0;

function argumentsOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
}

/** Processes that run Envoy with a configuration of ours, children of `parent`. */
function envoysOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        const isChild = new RegExp(`^PPid:\\s+${parent}$`, "m").test(status);
        return isChild && argumentsOf(pid).includes("--config-path");
      } catch {
        return false;
      }
    });
}

function isAlive(pid: number): boolean {
  try {
    // A process that ended and waits to be collected by its new parent is gone for us.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

suite.skipIf(!hasTools)("a mesh on real Envoys [needs envoy] [needs kubectl]", () => {
  let mesh: MeshUnderTest;

  const start = () =>
    startOke({
      args: ["--dataplane", "envoy"],
    });
  const engine = (): number =>
    JSON.parse(readFileSync(path.join(mesh.folder, ".isthmus/engine.json"), "utf8")).pid;

  beforeAll(async () => {
    mesh = await start();
  });
  afterAll(() => mesh?.stop());

  test("status says so, and every Envoy took what it was sent", async () => {
    assert.match(mesh.said, /· Envoy\n/);
    await eventually(async () => {
      const status = JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout);
      assert.equal(status.dataplane, "envoy");
      assert.ok(status.proxies.length >= 7);
      for (const { state, pod } of status.proxies) assert.equal(state, "SYNCED", pod);
      assert.equal(envoysOf(engine()).length, status.proxies.length);
      return true;
    });
    const log = readFileSync(path.join(mesh.folder, ".isthmus/engine.log"), "utf8");
    assert.doesNotMatch(log, /Envoy refused/);
  });

  for (const cluster of clusters) {
    test(`40 requests from ${cluster} are answered by both clusters`, async () => {
      await eventually(async () => {
        const { v1, v2 } = versions(await mesh.curl(cluster, hello, 40));
        assert.equal(v1 + v2, 40);
        assert.ok(v1 > 0 && v2 > 0, `${v1} from fra, ${v2} from ash`);
        return true;
      });
    });
  }

  test("an Envoy that was killed ends its container, which is started again and serves", async () => {
    const before = envoysOf(engine());
    for (const pid of before) process.kill(pid, "SIGKILL");
    await eventually(async () => {
      const now = envoysOf(engine());
      return now.length === before.length && !now.some((pid) => before.includes(pid));
    }, 15_000);
    const { v1, v2 } = await eventually(async () => versions(await mesh.curl("ash", hello, 20)), 20_000);
    assert.equal(v1 + v2, 20);
    await eventually(async () => {
      const pods = JSON.parse(await mesh.kubectl("ash", "-n", "sample", "get", "pods", "-o", "json")).items;
      for (const { metadata, status } of pods) {
        const proxy = status.containerStatuses.find(({ name }: { name: string }) => name === "istio-proxy");
        assert.equal(proxy.restartCount, 1, metadata.name);
        assert.equal(proxy.lastState.terminated.exitCode, 137, metadata.name);
      }
      return true;
    });
    const logs = await mesh.kubectl("ash", "-n", "sample", "logs", "deploy/curl", "-c", "istio-proxy", "-p");
    assert.match(logs, /Envoy ended by itself: signal SIGKILL/);
  });

  test("no Envoy, and nothing of Envoy's, outlives an engine that was killed", async () => {
    const pid = engine();
    const envoys = envoysOf(pid);
    const bootstrap = envoys.flatMap((one) =>
      argumentsOf(one).filter((word) => word.endsWith("bootstrap.json")),
    );
    assert.ok(envoys.length > 0 && bootstrap.length === envoys.length);
    assert.ok(bootstrap.every(existsSync));
    process.kill(pid, "SIGKILL");
    await eventually(async () => envoys.every((one) => !isAlive(one)), 5000);
    await eventually(
      async () => !bootstrap.some((file) => existsSync(path.dirname(path.dirname(file)))),
      5000,
    );
  });
});
