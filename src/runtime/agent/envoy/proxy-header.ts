import { isIPv4, type Socket } from "node:net";
import type { Destination } from "../../contracts.ts";

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const proxyCommand = 0x21;
const tcp4 = 0x11;
const tcp6 = 0x21;

/**
 * The header that tells a listener whose connection it gets: version 2 of HAProxy's PROXY protocol, TCP over IPv4, or
 * over IPv6 when one of the addresses is one (the other is then written as an IPv4-mapped address).
 */
export function proxyHeader(source: Destination, destination: Destination): Buffer {
  const isV4 = isIPv4(source.address) && isIPv4(destination.address);
  const bytes = isV4 ? ipv4Bytes : ipv6Bytes;
  const addresses = [...bytes(source.address), ...bytes(destination.address)];
  const header = Buffer.alloc(16 + addresses.length + 4);
  signature.copy(header);
  header[12] = proxyCommand;
  header[13] = isV4 ? tcp4 : tcp6;
  header.writeUInt16BE(addresses.length + 4, 14);
  header.set(addresses, 16);
  header.writeUInt16BE(source.port, 16 + addresses.length);
  header.writeUInt16BE(destination.port, 18 + addresses.length);
  return header;
}

function ipv4Bytes(address: string): number[] {
  return address.split(".").map(Number);
}

function ipv6Bytes(address: string): number[] {
  if (isIPv4(address)) return [...new Array<number>(10).fill(0), 255, 255, ...ipv4Bytes(address)];
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const gap = tail === undefined ? 0 : 16 - front.length - back.length;
  return [...front, ...new Array<number>(gap).fill(0), ...back];
}

/** Bytes of the groups of one side of an IPv6 address; its last group may be written as IPv4. */
function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return ipv4Bytes(group);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

/** Longest header of version 1, as the protocol says. */
const mostHeaderBytes = 107;

/**
 * Takes a version 1 header ("PROXY TCP4 SOURCE DESTINATION PORT PORT") from the beginning of a connection and gives
 * the destination; undefined when there is none. What follows stays to be read.
 */
export function readProxyHeader(socket: Socket): Promise<Destination | undefined> {
  return new Promise((resolve) => {
    let read = Buffer.alloc(0);
    const end = (destination: Destination | undefined) => {
      socket.off("readable", look).off("close", onClose);
      resolve(destination);
    };
    const onClose = () => end(undefined);
    const look = () => {
      for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
        read = Buffer.concat([read, chunk]);
        const length = read.indexOf("\r\n");
        if (length < 0 && read.length <= mostHeaderBytes) continue;
        const line = read.toString("latin1", 0, Math.max(0, length));
        const [, address, port] = /^PROXY TCP[46] \S+ (\S+) \d+ (\d+)$/.exec(line) ?? [];
        if (length >= 0 && read.length > length + 2) socket.unshift(read.subarray(length + 2));
        return end(address === undefined ? undefined : { address, port: Number(port) });
      }
    };
    socket.on("readable", look).on("close", onClose);
    look();
  });
}
