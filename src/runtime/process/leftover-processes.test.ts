import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, suite, test } from "vitest";
import { type HostProcess, startHostProcess } from "./host-process.ts";
import { endLeftovers, recordProcess } from "./leftover-processes.ts";

let folder = "";
const running: HostProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "isthmus-leftovers-"));
});
afterEach(async () => {
  for (const { kill } of running.splice(0)) kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

async function startSleep(): Promise<{ readonly program: HostProcess; readonly containerFolder: string }> {
  const containerFolder = path.join(folder, "pods", "pod", `c${running.length}`);
  await mkdir(containerFolder, { recursive: true });
  const options = {
    env: { PATH: process.env["PATH"] ?? "" },
    cwd: folder,
    stdout() {},
    stderr() {},
    hasInput: false,
  };
  const program = await startHostProcess({ ...options, command: ["sleep", "60"] });
  running.push(program);
  return { program, containerFolder };
}

suite("endLeftovers()", () => {
  test("ends a recorded program and removes the pods' folders", async () => {
    const { program, containerFolder } = await startSleep();
    await recordProcess(containerFolder, program.pid);
    await endLeftovers(path.join(folder, "pods"));
    assert.deepEqual(await program.exited, { exitCode: 137, signal: "SIGKILL" });
    assert.deepEqual(await readdir(folder), []);
  });

  test("leaves a process alone that only has the same number", async () => {
    const { program, containerFolder } = await startSleep();
    await writeFile(path.join(containerFolder, ".process"), `${program.pid} 1`);
    await endLeftovers(path.join(folder, "pods"));
    process.kill(program.pid, 0);
  });

  test("does nothing where nothing was left", () => endLeftovers(path.join(folder, "none")));
});
