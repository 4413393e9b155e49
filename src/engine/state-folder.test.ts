import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, suite, test } from "vitest";
import { IsthmusError, waitFor } from "../base/index.ts";
import { openStateFolder } from "./state-folder.ts";

const withCode = (code: string) => (reason: unknown) =>
  reason instanceof IsthmusError && reason.code === code;

let folder = "";
beforeEach(() => {
  folder = path.join(mkdtempSync(path.join(tmpdir(), "isthmus-state-")), "state");
});
afterEach(() => rmSync(path.dirname(folder), { recursive: true, force: true }));

suite("openStateFolder()", () => {
  test("makes a folder that only the owner reads", () => {
    openStateFolder(folder, { create: true });
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  test("a command that needs a running mesh says that none runs", () => {
    assert.throws(() => openStateFolder(folder, { create: false }), withCode("engine/not-running"));
  });

  test("a folder of another format is refused, not guessed at", () => {
    openStateFolder(folder, { create: true });
    writeFileSync(path.join(folder, "format"), "7\n");
    assert.throws(() => openStateFolder(folder, { create: true }), withCode("engine/state-format"));
  });

  test("what is written is whole, private and read back", () => {
    const state = openStateFolder(folder, { create: true });
    state.writeJson("blocks.json", { fra: 16 });
    assert.deepEqual(state.readJson("blocks.json"), { fra: 16 });
    assert.equal(state.readJson("absent.json"), undefined);
    assert.equal(statSync(path.join(folder, "blocks.json")).mode & 0o777, 0o600);
    assert.ok(!existsSync(path.join(folder, "blocks.json.new")));
  });

  test("a damaged file names itself and the way out", () => {
    const state = openStateFolder(folder, { create: true });
    writeFileSync(path.join(folder, "blocks.json"), "{");
    assert.throws(() => state.readJson("blocks.json"), withCode("engine/state-format"));
  });

  test("a second engine is refused while the first lives", () => {
    const state = openStateFolder(folder, { create: true });
    state.lock();
    assert.throws(() => openStateFolder(folder, { create: true }).lock(), withCode("engine/already-running"));
    state.unlock();
    state.lock();
    state.unlock();
  });

  test("the lock of a process that died, or whose id was given to another, is taken over", () => {
    const state = openStateFolder(folder, { create: true });
    for (const dead of ["999999999 1", `${process.pid} 1`]) {
      writeFileSync(path.join(folder, "lock"), dead);
      state.lock();
      state.unlock();
    }
  });

  test.skipIf(!existsSync("/proc/self/stat"))(
    "the lock of a killed process that nobody has asked for yet is taken over",
    async () => {
      // The shell never waits for the child that it starts before it becomes a program that knows of none.
      const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      try {
        const [pid] = (await once(parent.stdout, "data")) as [Buffer];
        const state = openStateFolder(folder, { create: true });
        const inTime = { signal: AbortSignal.timeout(30_000) };
        const fields = () =>
          readFileSync(`/proc/${Number(pid)}/stat`, "utf8")
            .replace(/^.*\) /, "")
            .split(" ");
        writeFileSync(path.join(folder, "lock"), `${Number(pid)} ${fields()[19]}`);
        assert.throws(() => state.lock(), withCode("engine/already-running"));
        await waitFor(
          () => (readFileSync(`/proc/${parent.pid}/comm`, "utf8") === "sleep\n" ? true : undefined),
          inTime,
        );
        process.kill(Number(pid), "SIGKILL");
        await waitFor(() => (fields()[0] === "Z" ? true : undefined), inTime);
        state.lock();
        state.unlock();
      } finally {
        parent.kill("SIGKILL");
      }
    },
  );
});
