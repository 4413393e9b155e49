import type { Socket } from "node:net";

/**
 * Destroys a socket that a TLS socket sits on, in the next turn of the event loop. At once would be inside the TLS
 * socket's own event, whose native code still uses the handle: Node crashes then.
 */
export function destroyWrapped(socket: Socket): void {
  setImmediate(() => socket.destroy());
}
