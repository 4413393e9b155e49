import type { Socket } from "node:net";
import type { Logger, Stop } from "../../../base/index.ts";
import type { Destination } from "../../contracts.ts";
import { joinSockets } from "../../network/sockets.ts";
import type { ProxyStartOptions } from "../contracts.ts";
import { readProxyHeader } from "./proxy-header.ts";
import { listenUnix } from "./unix-server.ts";

/** Where an outlet leads: to a host and port, or to where each connection says that it was going. */
export interface OutletTarget {
  readonly to: Destination | "original";
  /** The address that the cluster binds: 127.0.0.6 for what goes to the pod's own app. */
  readonly source: string | undefined;
}

/** Unix sockets by which Envoy reaches what it can't dial from the pod's address; the agent dials in its place. */
export interface Outlets {
  /** Path of the unix socket that leads to `target`; it works once `opened` has resolved. Undefined when there are too many. */
  path(target: OutletTarget): string | undefined;
  /** Where the outlet at `path` leads; undefined for the one that each connection tells. */
  target(path: string): Destination | undefined;
  /** Resolves when all that `path` gave out can be connected to. */
  opened(): Promise<void>;
  /** Says which outlets a resource uses at present; outlets that none uses are closed by `sweep`. */
  use(resource: string, targets: readonly OutletTarget[]): void;
  sweep(): void;
  stop(): Promise<void>;
}

/** More external endpoints than a mesh has; a flood of them must not use up the process's files. */
const mostOutlets = 2000;

/** `folder` is where the sockets are made; it must be closed to other users. */
export function createOutlets(options: {
  readonly folder: string;
  readonly network: Pick<ProxyStartOptions["network"], "dial" | "resolve">;
  readonly log: Logger;
}): Outlets {
  const { folder, network, log } = options;
  const outlets = new Map<string, { readonly path: string; readonly listening: Promise<Stop | undefined> }>();
  const uses = new Map<string, ReadonlySet<string>>();
  const targets = new Map<string, OutletTarget>();
  let count = 0;
  let latest: Promise<unknown> = Promise.resolve();

  const dial = async (socket: Socket, { to, source }: OutletTarget) => {
    socket.on("error", () => {});
    const target = to === "original" ? await readProxyHeader(socket) : to;
    const address = target === undefined ? undefined : anyOf(await network.resolve(target.address));
    if (target === undefined || address === undefined || socket.destroyed) return void socket.destroy();
    joinSockets(socket, network.dial({ address, port: target.port }, source));
  };
  const open = (target: OutletTarget) => {
    const path = `${folder}/o${count++}`;
    targets.set(path, target);
    const listening = listenUnix(path, (socket) => {
      dial(socket, target).catch(() => socket.destroy());
    }).catch((reason: unknown) => {
      log.error({ target: keyOf(target), reason: String(reason) }, "an endpoint can't be served to Envoy");
      return undefined;
    });
    return { path, listening };
  };
  const close = (key: string) => {
    const outlet = outlets.get(key);
    outlets.delete(key);
    if (outlet !== undefined) targets.delete(outlet.path);
    return outlet?.listening.then((stop) => stop?.());
  };
  return {
    path(target) {
      const key = keyOf(target);
      const known = outlets.get(key);
      if (known !== undefined) return known.path;
      if (outlets.size >= mostOutlets) {
        log.error({ target: key }, `more than ${mostOutlets} endpoints that only the agent can dial`);
        return undefined;
      }
      const opened = open(target);
      outlets.set(key, opened);
      latest = Promise.all([latest, opened.listening]);
      return opened.path;
    },
    target(path) {
      const to = targets.get(path)?.to;
      return to === "original" ? undefined : to;
    },
    async opened() {
      await latest;
    },
    use(resource, targets) {
      if (targets.length === 0) uses.delete(resource);
      else uses.set(resource, new Set(targets.map(keyOf)));
    },
    sweep() {
      if (outlets.size === 0) return;
      const used = new Set([...uses.values()].flatMap((keys) => [...keys]));
      for (const key of [...outlets.keys()]) if (!used.has(key)) void close(key);
    },
    async stop() {
      await Promise.all([...outlets.keys()].map(close));
    },
  };
}

function keyOf({ to, source = "" }: OutletTarget): string {
  return `${source}>${to === "original" ? to : `${to.address}:${to.port}`}`;
}

function anyOf(addresses: readonly string[]): string | undefined {
  return addresses[Math.floor(Math.random() * addresses.length)];
}
