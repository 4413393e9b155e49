import {
  closeSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { type Clock, type Logger, silentLogger, systemClock } from "../../base/index.ts";
import type { ChangeLog, ChangeRecord } from "../contracts.ts";
import { jsonText } from "../storage/json-text.ts";

/** A change log in a file, and the way to close it. */
export interface ChangeLogFile extends ChangeLog {
  /** Writes what is pending through to the disk and closes the file. Appending afterwards is a bug. */
  close(): void;
}

/** First line of the file: what it is and the version of its format. */
const heading = Buffer.from("isthmus changes 1\n");
const recordHead = 8;
/** No record is longer than a request body may be, with room for the fields that the server adds. */
const longestRecord = 16 * 1024 * 1024;
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

  const present = new Map<string, ChangeRecord>();
  let newest = 0;
  const note = (record: ChangeRecord) => {
    newest = Math.max(newest, record.resourceVersion);
    const id = `${record.resource} ${record.key}`;
    if (record.object === undefined) present.delete(id);
    else present.set(id, record);
  };
  for (const record of records) note(record);

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
    let written = writeWhole(target, heading);
    // The newest version may belong to a removal, of which nothing else is left.
    written += writeWhole(target, encode({ resourceVersion: newest, resource: "", key: "" }));
    for (const record of present.values()) written += writeWhole(target, encode(record));
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
      const bytes = encode(record);
      try {
        writeWhole(handle, bytes);
      } catch (reason) {
        ftruncateSync(handle, size); // Half a record in the middle would hide all that follows.
        throw reason;
      }
      size += bytes.length;
      note(record);
      if (size > compactAt) compact();
      syncLater();
    },
    records: () => [{ resourceVersion: newest, resource: "", key: "" }, ...present.values()],
    close() {
      cancelSync?.();
      cancelSync = undefined;
      fsyncSync(handle);
      closeSync(handle);
    },
  };
}

/** write(2) may take less than it is given, for example when the disk is nearly full. */
function writeWhole(handle: number, bytes: Buffer): number {
  let written = 0;
  while (written < bytes.length) written += writeSync(handle, bytes, written);
  return written;
}

function encode({ resourceVersion, resource, key, object }: ChangeRecord): Buffer {
  const start = `{"v":${resourceVersion},"r":${JSON.stringify(resource)},"k":${JSON.stringify(key)}`;
  const text = object === undefined ? `${start}}` : `${start},"o":${jsonText(object)}}`;
  const length = Buffer.byteLength(text);
  const record = Buffer.allocUnsafe(recordHead + length);
  record.write(text, recordHead);
  record.writeUInt32BE(length, 0);
  record.writeUInt32BE(crc32(record.subarray(recordHead)), 4);
  return record;
}

function readRecords(bytes: Buffer, file: string): { records: ChangeRecord[]; end: number } {
  if (bytes.length < heading.length && heading.subarray(0, bytes.length).equals(bytes))
    return { records: [], end: 0 };
  if (!bytes.subarray(0, heading.length).equals(heading))
    throw new Error(`${file} is no change log of this version`);
  const records: ChangeRecord[] = [];
  let at = heading.length;
  while (at + recordHead <= bytes.length) {
    const length = bytes.readUInt32BE(at);
    const next = at + recordHead + length;
    if (length > longestRecord || next > bytes.length) break;
    const body = bytes.subarray(at + recordHead, next);
    if (crc32(body) !== bytes.readUInt32BE(at + 4)) break;
    const { v, r, k, o } = JSON.parse(body.toString()) as { v: number; r: string; k: string; o?: unknown };
    records.push({ resourceVersion: v, resource: r, key: k, ...(o === undefined ? {} : { object: o }) });
    at = next;
  }
  return { records, end: at };
}
