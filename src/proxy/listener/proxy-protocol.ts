import { isIP } from "node:net";
import type { Destination } from "../contracts.ts";

/** Source and destination that a PROXY header tells; absent for LOCAL and UNKNOWN. */
export interface ProxyHeader {
  readonly source: Destination | undefined;
  readonly destination: Destination | undefined;
  /** Bytes that the header takes. */
  readonly length: number;
}

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const maxV1 = 107;
const maxV2 = 16 + 4096;

/** Reads a PROXY protocol header of version 1 or 2. "more": not all there yet; undefined: there is none. */
export function readProxyHeader(bytes: Buffer): ProxyHeader | "more" | undefined {
  const start = bytes.subarray(0, signature.length);
  if (start.equals(signature.subarray(0, start.length))) return readV2(bytes);
  const text = bytes.toString("latin1", 0, maxV1);
  if (!text.startsWith("PROXY ".slice(0, text.length))) return undefined;
  const end = text.indexOf("\r\n");
  if (end < 0) return text.length >= maxV1 ? undefined : "more";
  const [, family, from, to, fromPort, toPort] = text.slice(0, end).split(" ");
  if (family === "UNKNOWN") return { source: undefined, destination: undefined, length: end + 2 };
  const source = endpoint(from, Number(fromPort));
  const destination = endpoint(to, Number(toPort));
  if (source === undefined || destination === undefined) return undefined;
  return { source, destination, length: end + 2 };
}

function readV2(bytes: Buffer): ProxyHeader | "more" | undefined {
  if (bytes.length < 16) return "more";
  const version = bytes[12] ?? 0;
  const length = 16 + bytes.readUInt16BE(14);
  if (version >> 4 !== 2 || length > maxV2) return undefined;
  if (bytes.length < length) return "more";
  const family = bytes[13] ?? 0;
  if ((version & 0x0f) === 0) return { source: undefined, destination: undefined, length };
  if (family === 0x11 && length >= 28) {
    const address = (at: number) => bytes.subarray(at, at + 4).join(".");
    return {
      source: { address: address(16), port: bytes.readUInt16BE(24) },
      destination: { address: address(20), port: bytes.readUInt16BE(26) },
      length,
    };
  }
  if (family === 0x21 && length >= 52) {
    return {
      source: { address: ipv6(bytes.subarray(16, 32)), port: bytes.readUInt16BE(48) },
      destination: { address: ipv6(bytes.subarray(32, 48)), port: bytes.readUInt16BE(50) },
      length,
    };
  }
  return { source: undefined, destination: undefined, length };
}

function endpoint(address: string | undefined, port: number): Destination | undefined {
  if (address === undefined || isIP(address) === 0 || !(port >= 0 && port <= 65535)) return undefined;
  return { address, port };
}

function ipv6(bytes: Buffer): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(i).toString(16));
  return groups.join(":");
}
