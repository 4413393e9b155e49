import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, suite, test } from "vitest";
import { openChangeLog } from "./change-log-file.ts";

const folder = mkdtempSync(path.join(tmpdir(), "change-log-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function freshFile(): string {
  return path.join(folder, `log-${count++}`);
}

function object(name: string, value = "") {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { value } };
}

/** The keys of the objects that a log replays. */
function replayed(file: string): string[] {
  const log = openChangeLog(file);
  const keys = [...log.records()].filter(({ resource }) => resource !== "").map(({ key }) => key);
  log.close();
  return keys;
}

function written(file: string, ...names: readonly string[]): void {
  const log = openChangeLog(file);
  for (const [i, key] of names.entries())
    log.append({ resourceVersion: i + 1, resource: "configmaps", key, object: object(key) });
  log.close();
}

suite("openChangeLog()", () => {
  test("replays what was appended, without what was removed, and knows the newest version", () => {
    const file = freshFile();
    const log = openChangeLog(file);
    log.append({ resourceVersion: 1, resource: "configmaps", key: "a", object: object("a") });
    log.append({ resourceVersion: 2, resource: "configmaps", key: "b", object: object("b", "ü") });
    log.append({ resourceVersion: 3, resource: "configmaps", key: "a" });
    log.close();
    const again = openChangeLog(file);
    const records = [...again.records()];
    again.close();
    assert.deepEqual(records[0], { resourceVersion: 3, resource: "", key: "" });
    assert.deepEqual(records.slice(1), [
      { resourceVersion: 2, resource: "configmaps", key: "b", object: object("b", "ü") },
    ]);
  });

  test("a change is in the file before append returns", () => {
    const file = freshFile();
    const log = openChangeLog(file);
    log.append({ resourceVersion: 1, resource: "configmaps", key: "a", object: object("a", "needle") });
    assert.match(readFileSync(file, "utf8"), /needle/);
    log.close();
  });

  for (const cut of [1, 7, 40])
    test(`a tail that lacks ${cut} bytes is cut off at the last whole record, and appending goes on from there`, () => {
      const file = freshFile();
      written(file, "a", "b", "c");
      truncateSync(file, statSync(file).size - cut);
      assert.deepEqual(replayed(file), ["a", "b"]);
      const log = openChangeLog(file);
      log.append({ resourceVersion: 9, resource: "configmaps", key: "d", object: object("d") });
      log.close();
      assert.deepEqual(replayed(file), ["a", "b", "d"]);
    });

  test("a tail of rubbish and a record with a wrong checksum are cut off", () => {
    const rubbish = freshFile();
    written(rubbish, "a");
    appendFileSync(rubbish, Buffer.from([0, 0, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    assert.deepEqual(replayed(rubbish), ["a"]);

    const flipped = freshFile();
    written(flipped, "a", "b");
    const bytes = readFileSync(flipped);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 3) ^ 1, bytes.length - 3);
    writeFileSync(flipped, bytes);
    assert.deepEqual(replayed(flipped), ["a"]);
  });

  test("a file that is something else is refused", () => {
    const file = freshFile();
    writeFileSync(file, "apiVersion: v1\nkind: List\nitems: []\n");
    assert.throws(() => openChangeLog(file), /is no change log/);
  });

  test("history is dropped when it is most of the file, and nothing else", () => {
    const file = freshFile();
    const log = openChangeLog(file);
    const big = "x".repeat(100_000);
    log.append({ resourceVersion: 1, resource: "secrets", key: "kept", object: object("kept") });
    for (let i = 2; i <= 200; i++)
      log.append({ resourceVersion: i, resource: "configmaps", key: "a", object: object("a", `${big}${i}`) });
    log.append({ resourceVersion: 201, resource: "configmaps", key: "gone", object: object("gone") });
    log.append({ resourceVersion: 202, resource: "configmaps", key: "gone" });
    log.close();
    assert.ok(statSync(file).size < 12_000_000, "the file was not compacted");
    const again = openChangeLog(file);
    const records = [...again.records()];
    again.close();
    assert.deepEqual(records.map(({ key }) => key).sort(), ["", "a", "kept"]);
    assert.equal(records[0]?.resourceVersion, 202);
  });
});
