/** The frames of SPDY/3.1 that a server of Kubernetes streams needs. */
export type Frame =
  | { readonly type: "data"; readonly stream: number; readonly data: Buffer; readonly fin: boolean }
  | { readonly type: "synStream"; readonly stream: number; readonly fin: boolean; readonly headers: Buffer }
  | { readonly type: "synReply"; readonly stream: number; readonly fin: boolean; readonly headers: Buffer }
  | { readonly type: "headers"; readonly stream: number; readonly fin: boolean; readonly headers: Buffer }
  | { readonly type: "rstStream"; readonly stream: number; readonly status: number }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "goAway"; readonly lastStream: number }
  | { readonly type: "other" };

/** The bytes are no SPDY/3.1. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

const version = 3;
const types = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goAway: 7, headers: 8 } as const;
const finFlag = 1;
const headerLength = 8;
/** Control frames carry a few headers; nothing sensible is longer. */
const largestControlFrame = 64 * 1024;

/** Takes bytes as they come and gives the frames in them. Data frames are given in the pieces in which they come. */
export interface FrameReader {
  /** Throws FrameError. */
  read(chunk: Buffer): Iterable<Frame>;
}

export function createFrameReader(): FrameReader {
  let pending: Buffer = Buffer.alloc(0);
  let open: { readonly stream: number; readonly fin: boolean; left: number } | undefined;
  return {
    *read(chunk) {
      let bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      for (;;) {
        if (open !== undefined) {
          const data = bytes.subarray(0, open.left);
          if (data.length === 0 && open.left > 0) break;
          bytes = bytes.subarray(data.length);
          open.left -= data.length;
          const { stream, fin, left } = open;
          if (left === 0) open = undefined;
          yield { type: "data", stream, data, fin: fin && left === 0 };
          continue;
        }
        if (bytes.length < headerLength) break;
        const first = bytes.readUInt32BE(0);
        const flags = bytes.readUInt8(4);
        const length = bytes.readUIntBE(5, 3);
        if (first < 0x8000_0000) {
          open = { stream: first, fin: (flags & finFlag) !== 0, left: length };
          bytes = bytes.subarray(headerLength);
          continue;
        }
        if (((first >>> 16) & 0x7fff) !== version) throw new FrameError("this is no SPDY/3.1");
        if (length > largestControlFrame)
          throw new FrameError(`a control frame of ${length} bytes is too long`);
        if (bytes.length < headerLength + length) break;
        const body = bytes.subarray(headerLength, headerLength + length);
        bytes = bytes.subarray(headerLength + length);
        yield parseControl(first & 0xffff, flags, body);
      }
      pending = bytes;
    },
  };
}

function parseControl(type: number, flags: number, body: Buffer): Frame {
  const fin = (flags & finFlag) !== 0;
  const number = (at: number): number => {
    if (body.length < at + 4) throw new FrameError("a control frame is too short");
    return body.readUInt32BE(at);
  };
  const stream = () => number(0) & 0x7fff_ffff;
  switch (type) {
    case types.synStream:
      number(6);
      return { type: "synStream", stream: stream(), fin, headers: body.subarray(10) };
    case types.synReply:
      return { type: "synReply", stream: stream(), fin, headers: body.subarray(4) };
    case types.headers:
      return { type: "headers", stream: stream(), fin, headers: body.subarray(4) };
    case types.rstStream:
      return { type: "rstStream", stream: stream(), status: number(4) };
    case types.ping:
      return { type: "ping", id: number(0) };
    case types.goAway:
      return { type: "goAway", lastStream: stream() };
    default:
      return { type: "other" }; // SETTINGS and WINDOW_UPDATE: Kubernetes' clients leave flow control to TCP.
  }
}

/** A data frame's header; the data follow it on the wire. */
export function dataHeader(stream: number, length: number, fin: boolean): Buffer {
  const header = Buffer.alloc(headerLength);
  header.writeUInt32BE(stream, 0);
  header.writeUInt8(fin ? finFlag : 0, 4);
  header.writeUIntBE(length, 5, 3);
  return header;
}

export function synReplyFrame(stream: number, headers: Buffer): Buffer {
  return control(types.synReply, 0, numbers(stream), headers);
}

/** Opens a stream; what a client sends. */
export function synStreamFrame(stream: number, headers: Buffer, fin = false): Buffer {
  return control(types.synStream, fin ? finFlag : 0, numbers(stream, 0), Buffer.alloc(2), headers);
}

export function rstStreamFrame(stream: number, status: number): Buffer {
  return control(types.rstStream, 0, numbers(stream, status));
}

export function pingFrame(id: number): Buffer {
  return control(types.ping, 0, numbers(id));
}

export function goAwayFrame(lastStream: number): Buffer {
  return control(types.goAway, 0, numbers(lastStream, 0));
}

function control(type: number, flags: number, ...parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(headerLength);
  header.writeUInt16BE(0x8000 | version, 0);
  header.writeUInt16BE(type, 2);
  header.writeUInt8(flags, 4);
  header.writeUIntBE(
    parts.reduce((sum, part) => sum + part.length, 0),
    5,
    3,
  );
  return Buffer.concat([header, ...parts]);
}

function numbers(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    buffer.writeUInt32BE(value, 4 * i);
  });
  return buffer;
}
