/** DNS messages on the wire (RFC 1035), as far as a server for a cluster's names needs them. */

/** Numbers of the record types that are answered. Others get an empty answer. */
export const recordTypes = { A: 1, CNAME: 5, SOA: 6, PTR: 12, AAAA: 28, SRV: 33, OPT: 41, ANY: 255 } as const;

/** Answer codes. */
export const responseCodes = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
} as const;

export interface DnsQuestion {
  /** Lower case, without the final dot. */
  readonly name: string;
  readonly type: number;
}

/** One resource record. Names are without the final dot. */
export type DnsRecord = { readonly name: string } & (
  | { readonly type: "A" | "AAAA"; readonly address: string }
  | { readonly type: "CNAME" | "PTR"; readonly target: string }
  | { readonly type: "SRV"; readonly port: number; readonly target: string }
);

/** A query as far as it could be read. */
export interface DnsQuery {
  readonly id: number;
  readonly recursionDesired: boolean;
  /** Absent when the query is malformed or of a kind that is not served; then `code` says which. */
  readonly question?: DnsQuestion;
  /** The question as sent, to be sent back (RFC 1035 4.1.1; resolvers compare the letters' case). */
  readonly rawQuestion: Buffer;
  readonly code: number;
  /** Longest answer that the asker takes over UDP. */
  readonly udpSize: number;
  readonly hasOpt: boolean;
}

const headerBytes = 12;
const internetClass = 1;
const smallestUdp = 512;
/** Longest answer over UDP, so that it is never fragmented. */
const largestUdp = 1232;
/** How long answers may be remembered, in seconds: as short as a cluster's own DNS says. */
const timeToLive = 5;

/** Reads a query. Undefined for what deserves no answer: less than a header, or an answer itself. */
export function readQuery(message: Buffer): DnsQuery | undefined {
  if (message.length < headerBytes) return undefined;
  const flags = message.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return undefined;
  const base = {
    id: message.readUInt16BE(0),
    recursionDesired: (flags & 0x0100) !== 0,
    rawQuestion: Buffer.alloc(0),
    udpSize: smallestUdp,
    hasOpt: false,
  };
  if (((flags >> 11) & 15) !== 0) return { ...base, code: responseCodes.notImplemented };
  const name = message.readUInt16BE(4) === 1 ? readName(message, headerBytes) : undefined;
  if (name === undefined || name.end + 4 > message.length)
    return { ...base, code: responseCodes.formatError };
  const question = { name: name.text.toLowerCase(), type: message.readUInt16BE(name.end) };
  const rawQuestion = Buffer.concat([encodeName(name.text), message.subarray(name.end, name.end + 4)]);
  if (message.readUInt16BE(name.end + 2) !== internetClass) {
    return { ...base, rawQuestion, code: responseCodes.refused };
  }
  const opt = readOpt(message, name.end + 4);
  const udpSize = opt === undefined ? smallestUdp : Math.min(largestUdp, Math.max(smallestUdp, opt));
  return { ...base, question, rawQuestion, code: responseCodes.noError, udpSize, hasOpt: opt !== undefined };
}

/** Writes an answer. When it is longer than `limit` it carries no records and the mark "truncated". */
export function writeResponse(
  query: DnsQuery,
  code: number,
  records: readonly DnsRecord[],
  limit = 65_535,
): Buffer {
  const opt = query.hasOpt
    ? Buffer.from([0, 0, recordTypes.OPT, largestUdp >> 8, largestUdp & 255, 0, 0, 0, 0, 0, 0])
    : Buffer.alloc(0);
  const write = (answers: readonly Buffer[], isTruncated: boolean) => {
    const header = Buffer.alloc(headerBytes);
    header.writeUInt16BE(query.id, 0);
    // Answer, authoritative, recursion desired as asked, recursion available.
    const flags = 0x8480 | (query.recursionDesired ? 0x0100 : 0) | (isTruncated ? 0x0200 : 0) | code;
    header.writeUInt16BE(flags, 2);
    header.writeUInt16BE(query.rawQuestion.length === 0 ? 0 : 1, 4);
    header.writeUInt16BE(answers.length, 6);
    header.writeUInt16BE(opt.length === 0 ? 0 : 1, 10);
    return Buffer.concat([header, query.rawQuestion, ...answers, opt]);
  };
  const whole = write(records.map(encodeRecord), false);
  return whole.length <= limit ? whole : write([], true);
}

/** A name as labels. Throws RangeError when a label or the name is too long. */
export function encodeName(name: string): Buffer {
  const labels = name
    .replace(/\.$/, "")
    .split(".")
    .filter((label) => label !== "");
  const parts = labels.map((label) => {
    const bytes = Buffer.from(label, "latin1");
    if (bytes.length > 63) throw new RangeError(`the label "${label}" is over 63 bytes`);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  const encoded = Buffer.concat([...parts, Buffer.from([0])]);
  if (encoded.length > 255) throw new RangeError("the name is over 255 bytes");
  return encoded;
}

/** Reads a name, compressed or not. Pointers must lead backwards, so that a loop can't happen. */
function readName(message: Buffer, start: number): { text: string; end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  let lowest = start;
  let length = 0;
  for (;;) {
    const size = message[at];
    if (size === undefined) return undefined;
    if (size === 0) return { text: labels.join("."), end: end ?? at + 1 };
    if (size >= 0xc0) {
      if (at + 1 >= message.length) return undefined;
      end ??= at + 2;
      const target = message.readUInt16BE(at) & 0x3fff;
      if (target >= lowest) return undefined;
      lowest = target;
      at = target;
      continue;
    }
    length += size + 1;
    if (size > 63 || length > 254 || at + 1 + size > message.length) return undefined;
    const label = message.toString("latin1", at + 1, at + 1 + size);
    // A dot inside a label would read as two labels.
    if (/[.\0-\x20\x7f-\xff]/.test(label)) return undefined;
    labels.push(label);
    at += 1 + size;
  }
}

/** The size that an EDNS record (RFC 6891) offers, when it is the first additional record. */
function readOpt(message: Buffer, at: number): number | undefined {
  const counts = [message.readUInt16BE(6), message.readUInt16BE(8), message.readUInt16BE(10)];
  if (counts[0] !== 0 || counts[1] !== 0 || counts[2] === 0 || at + 11 > message.length) return undefined;
  if (message[at] !== 0 || message.readUInt16BE(at + 1) !== recordTypes.OPT) return undefined;
  return message.readUInt16BE(at + 3);
}

function encodeRecord(record: DnsRecord): Buffer {
  const content = encodeContent(record);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(recordTypes[record.type], 0);
  fixed.writeUInt16BE(internetClass, 2);
  fixed.writeUInt32BE(timeToLive, 4);
  fixed.writeUInt16BE(content.length, 8);
  return Buffer.concat([encodeName(record.name), fixed, content]);
}

function encodeContent(record: DnsRecord): Buffer {
  switch (record.type) {
    case "A":
      return Buffer.from(record.address.split(".").map(Number));
    case "AAAA":
      return encodeIpv6(record.address);
    case "SRV": {
      const fixed = Buffer.alloc(6); // Priority 0; weight 100, as clusters do.
      fixed.writeUInt16BE(100, 2);
      fixed.writeUInt16BE(record.port, 4);
      return Buffer.concat([fixed, encodeName(record.target)]);
    }
    default:
      return encodeName(record.target);
  }
}

/** The 16 bytes of an address as RFC 4291 writes it, without a zone. */
function encodeIpv6(address: string): Buffer {
  const groups = (text: string) =>
    (text === "" ? [] : text.split(":")).map((group) => Number.parseInt(group, 16));
  const [head = "", tail] = address.split("::");
  const [first, last] = [groups(head), groups(tail ?? "")];
  const zeros = Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0);
  const bytes = Buffer.alloc(16);
  for (const [i, group] of [...first, ...zeros, ...last].entries())
    bytes.writeUInt16BE(group & 0xffff, 2 * i);
  return bytes;
}
