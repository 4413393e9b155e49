import {
  closeSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
} from "node:fs";
import path from "node:path";
import { type Clock, type Logger, silentLogger, systemClock } from "../../base/index.ts";
import type { ChangeLog } from "../contracts.ts";
import {
  encodeRecord,
  heading,
  noteRecord,
  type Present,
  readRecords,
  writePresent,
  writeWhole,
} from "./records.ts";

/** A change log in a file, and the way to close it. */
export interface ChangeLogFile extends ChangeLog {
  /** Writes what is pending through to the disk and closes the file. Appending afterwards is a bug. */
  close(): void;
}

/** Smaller files are not worth rewriting. */
const compactFrom = 8 * 1024 * 1024;
/** How long a change that the kernel has may wait for the disk, in milliseconds. */
const syncEvery = 100;

/**
 * Opens the log at `file`, or begins it. A record is its length and its CRC-32 (four bytes each, big endian),
 * then its JSON text. An append is one write(2); the disk follows at most 100 ms later. A tail that was only half
 * written is cut off at the last whole record. When most of the file is history, it is rewritten with the
 * present objects and put in place by rename, so a crash leaves either the old file or the new one.
 *
 * Throws when the file is something else or cannot be written.
 */
export function openChangeLog(
  file: string,
  parts: { readonly clock: Clock; readonly log: Logger } = { clock: systemClock, log: silentLogger },
): ChangeLogFile {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  let handle = openSync(file, "a+", 0o600);
  const found = readFileSync(file);
  const { records, end } = readRecords(found, file);
  if (end < found.length) {
    parts.log.warn(
      { file, lost: found.length - end },
      "the change log ends in half a record, which is cut off",
    );
    ftruncateSync(handle, end);
  }
  if (end === 0) writeWhole(handle, heading);

  const present: Present = { newest: 0, objects: new Map() };
  for (const record of records) noteRecord(present, record);

  let size = Math.max(end, heading.length);
  let compactAt = Math.max(compactFrom, size * 2);
  let cancelSync: (() => void) | undefined;
  const syncLater = () => {
    cancelSync ??= parts.clock.after(syncEvery, () => {
      cancelSync = undefined;
      fdatasync(handle, () => {}); // The next append meets a broken disk by itself.
    });
  };
  const compact = () => {
    const fresh = `${file}.new`;
    const target = openSync(fresh, "w", 0o600);
    const written = writePresent(target, present.newest, present.objects.values());
    fsyncSync(target);
    closeSync(target);
    renameSync(fresh, file);
    closeSync(handle);
    handle = openSync(file, "a", 0o600);
    size = written;
    compactAt = Math.max(compactFrom, written * 3);
  };

  return {
    append(record) {
      const bytes = encodeRecord(record);
      try {
        writeWhole(handle, bytes);
      } catch (reason) {
        ftruncateSync(handle, size); // Half a record in the middle would hide all that follows.
        throw reason;
      }
      size += bytes.length;
      noteRecord(present, record);
      if (size > compactAt) compact();
      syncLater();
    },
    records: () => [{ resourceVersion: present.newest, resource: "", key: "" }, ...present.objects.values()],
    close() {
      cancelSync?.();
      cancelSync = undefined;
      fsyncSync(handle);
      closeSync(handle);
    },
  };
}
