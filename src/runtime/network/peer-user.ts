import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";

/** Whether the other end of a local connection belongs to this process's own user. */
export type UserCheck = (socket: Socket) => Promise<boolean>;

/**
 * Looks connections up in the kernel's table of them (/proc/net/tcp). Connections that come while it is being read
 * share the next reading, since one takes milliseconds. What can't be read or found is allowed.
 */
export function createUserCheck(): UserCheck {
  const self = process.getuid?.();
  let queued: Promise<string> | undefined;
  let running: Promise<unknown> = Promise.resolve();
  const read = () => {
    queued ??= running.then(() => {
      queued = undefined;
      const table = readFile("/proc/net/tcp", "latin1");
      running = table.catch(() => {});
      return table;
    });
    return queued;
  };
  return async (socket) => {
    if (self === undefined) return true;
    const peer = `${tableAddress(socket.remoteAddress, socket.remotePort)} ${tableAddress(socket.localAddress, socket.localPort)} `;
    try {
      const table = await read();
      const at = table.indexOf(peer);
      if (at < 0) return true;
      // "… local_address rem_address st tx:rx tr:tm retrnsmt uid …"
      const uid = table
        .slice(at + peer.length, at + peer.length + 64)
        .trim()
        .split(/\s+/)[4];
      return uid === undefined || Number(uid) === self;
    } catch {
      return true;
    }
  };
}

/** "127.16.0.2", 15080 as the kernel's table has it: "0200107F:3AE8". */
function tableAddress(address = "", port = 0): string {
  const bytes = address
    .replace(/^::ffff:/, "")
    .split(".")
    .map(Number);
  const hex = bytes.reverse().map((byte) => byte.toString(16).padStart(2, "0"));
  return `${hex.join("")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}
