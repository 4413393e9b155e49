import { writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { ChangeRecord } from "../contracts.ts";
import { jsonText } from "../storage/json-text.ts";

/** First line of a change log: what it is and the version of its format. */
export const heading = Buffer.from("isthmus changes 1\n");
const recordHead = 8;
/** No record is longer than a request body may be, with room for the fields that the server adds. */
const longestRecord = 16 * 1024 * 1024;

/** One record as it stands in the file: its length and its CRC-32 (four bytes each, big endian), then its JSON text. */
export function encodeRecord({ resourceVersion, resource, key, object }: ChangeRecord): Buffer {
  const start = `{"v":${resourceVersion},"r":${JSON.stringify(resource)},"k":${JSON.stringify(key)}`;
  const text = object === undefined ? `${start}}` : `${start},"o":${jsonText(object)}}`;
  const length = Buffer.byteLength(text);
  const record = Buffer.allocUnsafe(recordHead + length);
  record.write(text, recordHead);
  record.writeUInt32BE(length, 0);
  record.writeUInt32BE(crc32(record.subarray(recordHead)), 4);
  return record;
}

/** The whole records in `bytes`, the content of `file`, and where they end. Throws when the file is something else. */
export function readRecords(bytes: Buffer, file: string): { records: ChangeRecord[]; end: number } {
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

/** What records amount to: the newest version, and the objects that are there, by their place. */
export interface Present {
  newest: number;
  readonly objects: Map<string, ChangeRecord>;
}

/** Takes one more record into account. */
export function noteRecord(present: Present, record: ChangeRecord): void {
  present.newest = Math.max(present.newest, record.resourceVersion);
  const id = `${record.resource} ${record.key}`;
  if (record.object === undefined) present.objects.delete(id);
  else present.objects.set(id, record);
}

/** Writes a log of the present objects and without history. Returns how many bytes that is. */
export function writePresent(handle: number, newest: number, objects: Iterable<ChangeRecord>): number {
  let written = writeWhole(handle, heading);
  // The newest version may belong to a removal, of which nothing else is left.
  written += writeWhole(handle, encodeRecord({ resourceVersion: newest, resource: "", key: "" }));
  for (const record of objects) written += writeWhole(handle, encodeRecord(record));
  return written;
}

/** Writes all of `bytes`: write(2) may take less than it is given, for example when the disk is nearly full. */
export function writeWhole(handle: number, bytes: Buffer): number {
  let written = 0;
  while (written < bytes.length) written += writeSync(handle, bytes, written);
  return written;
}
