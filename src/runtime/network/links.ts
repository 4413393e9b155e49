import type { Socket } from "node:net";
import { reset } from "./sockets.ts";

/** How a link between two clusters is at the moment. */
export interface Link {
  readonly isCut: boolean;
  /** Added to each direction, milliseconds. */
  readonly delayMs: number;
}

/** Clusters, or networks by their name, and what is wrong between them. */
export interface Links {
  /** State of the link between two clusters; the same cluster twice is always fine. */
  between(a: string, b: string): Link;
  set(a: string, b: string, link: Partial<Link> | undefined): void;
  /** Watches over a connection that crosses from `from` to `to`: it is reset when that link is cut. */
  watch(socket: Socket, from: string, to: string): void;
}

const fine: Link = { isCut: false, delayMs: 0 };

/** `networkOf` gives the network of a cluster: a link may be named by clusters as well as by networks. */
export function createLinks(networkOf: (cluster: string) => string | undefined): Links {
  const states = new Map<string, Link>();
  const crossing = new Set<{ readonly socket: Socket; readonly from: string; readonly to: string }>();
  const key = (a: string, b: string) => (a < b ? `${a}\0${b}` : `${b}\0${a}`);
  const between = (a: string, b: string): Link => {
    if (states.size === 0 || a === b) return fine;
    const names = (cluster: string) => [cluster, networkOf(cluster)].filter((name) => name !== undefined);
    let found = fine;
    for (const one of names(a)) {
      for (const other of names(b)) {
        const link = one === other ? undefined : states.get(key(one, other));
        if (link === undefined) continue;
        found = { isCut: found.isCut || link.isCut, delayMs: Math.max(found.delayMs, link.delayMs) };
      }
    }
    return found;
  };
  return {
    between,
    set(a, b, link) {
      if (link === undefined) states.delete(key(a, b));
      else states.set(key(a, b), { ...(states.get(key(a, b)) ?? fine), ...link });
      for (const { socket, from, to } of [...crossing]) if (between(from, to).isCut) reset(socket);
    },
    watch(socket, from, to) {
      const entry = { socket, from, to };
      crossing.add(entry);
      socket.once("close", () => crossing.delete(entry));
    },
  };
}
