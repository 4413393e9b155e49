import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, suite, test } from "vitest";
import { createSignal, systemClock, waitFor } from "../../src/base/index.ts";
import { createEnvoyHost } from "../../src/runtime/agent/envoy/envoy-host.ts";
import { runEnvoy } from "../../src/runtime/agent/envoy/run-envoy.ts";

// Beside the conformance tests and not beside the code: unit tests run in threads, where run-envoy.ts must not.
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const soon = () => AbortSignal.timeout(30_000);

/** Runs a shell script in Envoy's place. */
async function run(script: string) {
  const host = createEnvoyHost();
  const folder = await host.folder();
  cleanUps.push(folder.remove);
  const binary = path.join(folder.path, "envoy");
  writeFileSync(binary, `#!/bin/sh\n${script}\n`);
  chmodSync(binary, 0o755);
  const lines: string[] = [];
  const changes = createSignal();
  const envoy = await runEnvoy({
    binary,
    args: ["--config-path", "x"],
    folder: folder.path,
    host,
    onLine(line) {
      lines.push(line);
      changes.notify();
    },
    onTraffic() {},
    onExit: () => changes.notify(),
    clock: systemClock,
  });
  cleanUps.push(() => envoy.stop());
  return {
    envoy,
    lines,
    until: (probe: () => boolean) => waitFor(() => (probe() ? true : undefined), { changes, signal: soon() }),
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

suite("runEnvoy()", () => {
  test("takes what the program writes, also where it opens /dev/stdout itself", async () => {
    const { lines, until } = await run(
      "echo one; echo two > /dev/stdout; echo three >&2; printf four; exec sleep 60",
    );
    await until(() => lines.length === 3);
    assert.deepEqual(lines, ["one", "two", "three"]);
  });

  for (const { ending, exit } of [
    { ending: "exit 3", exit: { exitCode: 3 } },
    { ending: "kill -KILL $$", exit: { exitCode: 137, signal: "SIGKILL" } },
  ]) {
    test(`tells how the program ended, after what it wrote last: ${ending}`, async () => {
      const { envoy, lines, until } = await run(`echo ran; ${ending}`);
      assert.deepEqual(await envoy.exited, exit);
      assert.equal(envoy.pid, undefined);
      await until(() => lines.includes("ran"));
      await envoy.stop();
    });
  }

  test("ends a program that ignores SIGTERM", async () => {
    const { envoy, lines, until } = await run("trap '' TERM; echo up; while :; do sleep 1; done");
    await until(() => lines.includes("up"));
    const pid = envoy.pid ?? 0;
    await envoy.stop();
    assert.equal(isAlive(pid), false);
  });

  test("a program that is not there can't be started", async () => {
    const host = createEnvoyHost();
    const folder = await host.folder();
    cleanUps.push(folder.remove);
    const options = {
      args: [],
      folder: folder.path,
      host,
      onLine() {},
      onTraffic() {},
      onExit() {},
      clock: systemClock,
    };
    await assert.rejects(runEnvoy({ ...options, binary: "/nowhere/envoy" }), {
      code: "tool/missing",
      message: /\/nowhere\/envoy/,
    });
  });
});

suite("the guard", () => {
  test("ends what is left when its engine is gone, and removes the sockets' folder", async () => {
    const host = createEnvoyHost();
    const folder = await host.folder();
    const sleeper = () => {
      const child = spawn("sleep", ["60"], { stdio: "ignore" });
      cleanUps.push(() => child.kill("SIGKILL"));
      return { pid: child.pid ?? 0, ended: new Promise((resolve) => child.once("exit", resolve)) };
    };
    const [watched, forgotten] = [sleeper(), sleeper()];
    host.watch(watched.pid);
    host.watch(forgotten.pid);
    host.forget(forgotten.pid);
    // The last folder's removal closes the guard's input, as the end of the process would.
    await folder.remove();
    await watched.ended;
    assert.equal(isAlive(forgotten.pid), true);
    assert.equal(existsSync(path.dirname(folder.path)), false);
  });
});
