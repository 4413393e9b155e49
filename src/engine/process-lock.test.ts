import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, suite, test } from "vitest";

const folder = mkdtempSync(path.join(tmpdir(), "isthmus-lock-"));
const program = path.join(folder, "take.mjs");
const racers = 4;
const rounds = 5;
let children: readonly ChildProcess[] = [];

/** Lets all racers take the lock `file` at the same instant; gives the ids of those that got it. */
async function race(file: string): Promise<readonly number[]> {
  const at = Date.now() + 40;
  const answers = children.map(async (child) => {
    const answer = once(child.stdout ?? child, "data");
    child.stdin?.write(`${file} ${at}\n`);
    const [data] = (await answer) as [Buffer];
    return data.toString().trim() === "true" ? (child.pid ?? 0) : undefined;
  });
  return (await Promise.all(answers)).filter((pid) => pid !== undefined);
}

const holder = (file: string) => Number(readFileSync(file, "utf8").split(" ")[0]);

suite("takeLock()", () => {
  beforeAll(async () => {
    await build({
      stdin: {
        resolveDir: import.meta.dirname,
        contents: `
          import { createInterface } from "node:readline";
          import { takeLock } from "./process-lock.ts";
          createInterface({ input: process.stdin }).on("line", (line) => {
            const [file, at] = line.split(" ");
            while (Date.now() < Number(at));
            console.log(takeLock(file));
          });
        `,
      },
      outfile: program,
      bundle: true,
      format: "esm",
      platform: "node",
      logLevel: "error",
    });
    children = Array.from({ length: racers }, () =>
      spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] }),
    );
  });
  afterAll(async () => {
    for (const child of children) child.stdin?.end();
    await Promise.all(children.map((child) => child.exitCode === null && once(child, "close")));
    rmSync(folder, { recursive: true, force: true });
  });

  test("of several that find a dead process' lock at the same instant exactly one takes it over", async () => {
    for (let round = 0; round < rounds; round++) {
      const file = path.join(folder, `lock-${round}`);
      writeFileSync(file, "999999999 1");
      assert.deepEqual(await race(file), [holder(file)]);
    }
  });

  test("of several that find no lock exactly one gets it, and nothing else is left behind", async () => {
    const file = path.join(folder, "fresh");
    assert.deepEqual(await race(file), [holder(file)]);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("fresh")),
      ["fresh"],
    );
  });

  test("while a living process takes a dead one's lock over, nobody else does", async () => {
    const file = path.join(folder, "held");
    writeFileSync(file, "999999999 1");
    writeFileSync(`${file}.takeover`, `${process.pid} `);
    assert.deepEqual(await race(file), []);
    assert.equal(readFileSync(file, "utf8"), "999999999 1");
  });

  test("whoever died while taking a lock over keeps nobody from it", async () => {
    const file = path.join(folder, "half");
    writeFileSync(file, "999999999 1");
    writeFileSync(`${file}.takeover`, "999999998 1");
    assert.deepEqual(await race(file), [holder(file)]);
  });
});
