import type { Socket } from "node:net";
import type { Destination } from "../contracts.ts";

/** How a dispatcher gets an app's connections out of the pod. */
export interface Outbound {
  /** Addresses of a name as the app sees it; empty when unknown. */
  lookup(host: string): Promise<readonly string[]>;
  isIntercepted(to: Destination): boolean;
  /** A connection to `to`, through the sidecar when it takes it. Connecting, or connected already. */
  open(to: Destination): Socket;
  /** Gives the app's own connection to the sidecar; false when the sidecar does not take it. */
  handOver(socket: Socket, to: Destination): boolean;
}

/**
 * Makes a connection that was read from look new again, once the caller's listeners are off: `rest` is read first,
 * and reading starts with the next listener.
 */
export function handBack(socket: Socket, rest: Buffer): void {
  socket.off("error", ignore);
  socket.allowHalfOpen = false;
  if (rest.length > 0) socket.unshift(rest);
  // Undoes pause(): without it the next reader would have to call resume().
  (socket as { readableFlowing: boolean | null }).readableFlowing = null;
}

/** For errors that a "close" follows, which is where they are handled. */
export function ignore(): void {}
