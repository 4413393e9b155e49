import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, suite, test } from "vitest";
import type { ChangeRecord } from "../contracts.ts";
import { openChangeLog } from "./change-log-file.ts";
import { copyChangeLog } from "./copy-change-log.ts";

const folder = mkdtempSync(path.join(tmpdir(), "copy-change-log-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function freshLog(): string {
  const file = path.join(folder, `log-${count++}`);
  const log = openChangeLog(file);
  log.append({ resourceVersion: 1, resource: "configmaps", key: "a", object: { value: "old" } });
  log.append({ resourceVersion: 2, resource: "configmaps", key: "b", object: { value: "other" } });
  log.append({ resourceVersion: 3, resource: "configmaps", key: "c", object: { value: "old" } });
  log.append({ resourceVersion: 4, resource: "configmaps", key: "c" });
  log.close();
  return file;
}

function recordsOf(file: string): readonly ChangeRecord[] {
  const log = openChangeLog(file);
  const records = [...log.records()];
  log.close();
  return records;
}

const renew = (record: ChangeRecord) =>
  (record.object as { value: string }).value === "old" ? { ...record, object: { value: "new" } } : record;

suite("copyChangeLog()", () => {
  test("changes objects and keeps versions, also the newest one, which is of a removal", () => {
    const file = freshLog();
    assert.equal(copyChangeLog(file, `${file}.copy`, renew), true);
    assert.deepEqual(recordsOf(`${file}.copy`), [
      { resourceVersion: 4, resource: "", key: "" },
      { resourceVersion: 1, resource: "configmaps", key: "a", object: { value: "new" } },
      { resourceVersion: 2, resource: "configmaps", key: "b", object: { value: "other" } },
    ]);
    assert.equal(statSync(`${file}.copy`).mode & 0o777, 0o600);
  });

  test("writes nothing when nothing changes, and never touches the log itself", () => {
    const file = freshLog();
    const before = readFileSync(file);
    assert.equal(
      copyChangeLog(file, `${file}.copy`, (record) => record),
      false,
    );
    assert.ok(!existsSync(`${file}.copy`));
    copyChangeLog(file, `${file}.copy`, renew);
    assert.deepEqual(readFileSync(file), before);
  });

  test("leaves out a tail that was only half written", () => {
    const file = freshLog();
    truncateSync(file, statSync(file).size - 3);
    assert.equal(copyChangeLog(file, `${file}.copy`, renew), true);
    assert.deepEqual(
      recordsOf(`${file}.copy`).map(({ key }) => key),
      ["", "a", "b", "c"],
    );
  });
});
