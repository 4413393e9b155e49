import type { Socket } from "node:net";
import type { Logger, Stop } from "../../base/index.ts";
import { serveHttpProxy } from "./http-proxy.ts";
import { listenOn } from "./listener.ts";
import { ignore, type Outbound } from "./outbound.ts";
import type { UserCheck } from "./peer-user.ts";
import type { PortMap } from "./ports.ts";
import { serveSocks } from "./socks.ts";

export interface DispatcherOptions extends Outbound {
  readonly address: string;
  readonly port: number;
  readonly ports: PortMap;
  readonly log: Logger;
  readonly isOwnUser: UserCheck;
  /** What programs of the pod know from their environment; who gives it needs no look into the kernel's table. */
  readonly credentials: string;
  /** Told of every connection, so that it can be closed with the pod. */
  onConnection(socket: Socket): void;
}

/** An app that has not said where it wants to go by then is cut off, in milliseconds. */
const greetingTimeout = 30_000;

/**
 * Starts iptables' stand-in for what leaves a pod: one port that speaks HTTP proxy (RFC 9110 7.6, CONNECT included)
 * and SOCKS5 (RFC 1928), told apart by their first byte. Only programs that present the pod's credentials, or that run as
 * this process's user, may use it.
 */
export function startDispatcher(options: DispatcherOptions): Promise<Stop> {
  const { address, port, ports, log, isOwnUser } = options;
  return listenOn(address, port, ports, (socket) => {
    options.onConnection(socket);
    socket.on("error", ignore);
    const giveUp = () => socket.destroy();
    socket.setTimeout(greetingTimeout, giveUp);
    socket.once("data", (first) => {
      socket.pause();
      socket.setTimeout(0);
      socket.off("timeout", giveUp);
      const permission = presents(first, options.credentials) ? Promise.resolve(true) : isOwnUser(socket);
      void permission.then((isAllowed): void => {
        if (socket.destroyed) return;
        if (!isAllowed) {
          log.warn(
            { peer: socket.remotePort },
            "refused a connection of another user to the pod's dispatcher",
          );
          return void socket.resetAndDestroy();
        }
        // SOCKS 4 starts with 4, TLS with 22; neither is spoken here.
        if (first[0] === 5) serveSocks(socket, first, options);
        else if (first[0] !== undefined && first[0] >= 0x41) serveHttpProxy(socket, first, options);
        else socket.destroy();
      });
    });
  });
}

/** Whether the head of an HTTP request carries the credentials ("user:password") for this proxy (RFC 9110 11.7.2). */
function presents(head: Buffer, credentials: string): boolean {
  const [, given] =
    /^proxy-authorization:[ \t]*basic[ \t]+(\S+)[ \t]*\r?$/im.exec(head.toString("latin1")) ?? [];
  return given !== undefined && Buffer.from(given, "base64").toString("latin1") === credentials;
}
