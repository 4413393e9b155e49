import { closeSync, fsyncSync, openSync, readFileSync } from "node:fs";
import type { ChangeRecord } from "../contracts.ts";
import { noteRecord, type Present, readRecords, writePresent } from "./records.ts";

/**
 * Writes to `target` what the log at `file` would replay, each object as `change` gives it back, and brings it to
 * the disk. Resource versions stay. False, and nothing written, when `change` gave back every record as it was.
 * Nobody may have the log open; a tail that was only half written is left out, as when it is opened.
 */
export function copyChangeLog(
  file: string,
  target: string,
  change: (record: ChangeRecord) => ChangeRecord,
): boolean {
  const present: Present = { newest: 0, objects: new Map() };
  for (const record of readRecords(readFileSync(file), file).records) noteRecord(present, record);
  const before = [...present.objects.values()];
  const after = before.map(change);
  if (after.every((record, i) => record === before[i])) return false;
  const handle = openSync(target, "w", 0o600);
  try {
    writePresent(handle, present.newest, after);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  return true;
}
