import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, suite, test } from "vitest";
import { IsthmusError, silentLogger } from "../base/index.ts";
import { connectEngine } from "./control-client.ts";
import { startControlServer } from "./control-server.ts";
import { openStateFolder } from "./state-folder.ts";

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function engine() {
  const server = await startControlServer(
    {
      echo: async (body) => body,
      async refuse() {
        throw new IsthmusError("workload/not-found", "there is none", { nextStep: "make one" });
      },
      async crash() {
        throw new TypeError("secret detail");
      },
    },
    silentLogger,
  );
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-control-"));
  stops.push(server.stop, () => rmSync(folder, { recursive: true, force: true }));
  const state = openStateFolder(path.join(folder, "state"), { create: true });
  state.announceEngine({ pid: process.pid, port: server.port, token: server.token });
  return { server, state };
}

suite("the engine's control server", () => {
  test("carries a call and its answer", async () => {
    const { state } = await engine();
    assert.deepEqual(await connectEngine(state).call("echo", { a: [1, "x"] }), { a: [1, "x"] });
  });

  test("a failure arrives as the same failure", async () => {
    const { state } = await engine();
    await assert.rejects(connectEngine(state).call("refuse"), (reason) => {
      assert.ok(reason instanceof IsthmusError);
      assert.deepEqual(
        [reason.code, reason.message, reason.nextStep],
        ["workload/not-found", "there is none", "make one"],
      );
      return true;
    });
  });

  test("without the token nothing is answered, whatever is asked", async () => {
    const { server } = await engine();
    for (const authorization of [undefined, "Bearer x", `Bearer ${server.token}x`]) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const response = await fetch(`http://127.0.0.1:${server.port}/echo`, {
        method: "POST",
        headers,
        body: "{}",
      });
      assert.equal(response.status, 401);
    }
  });

  test("a call that is too large, no JSON or unknown is refused", async () => {
    const { server } = await engine();
    const post = (name: string, body: string) =>
      fetch(`http://127.0.0.1:${server.port}/${name}`, {
        method: "POST",
        headers: { authorization: `Bearer ${server.token}` },
        body,
      });
    assert.equal((await post("echo", "{")).status, 400);
    assert.equal((await post("toString", "{}")).status, 404);
    assert.equal((await post("echo", JSON.stringify("x".repeat(2_000_000)))).status, 413);
  });

  test("an engine that is gone is said to be gone", async () => {
    const { server, state } = await engine();
    await server.stop();
    await assert.rejects(
      connectEngine(state).call("echo"),
      (reason) => reason instanceof IsthmusError && reason.code === "engine/not-running",
    );
  });
});
