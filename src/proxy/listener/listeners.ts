import type { Socket } from "node:net";
import { createRetry, type Logger, type Stop } from "../../base/index.ts";
import type { Destination, ProxyNetwork } from "../contracts.ts";
import type { ProxyRuntime } from "../router/runtime.ts";
import type { CompiledListener } from "./compile-listener.ts";
import { type LiveListener, type OpenConnection, serveConnection } from "./serve-connection.ts";

/** The listeners of a proxy: which one gets a connection, and their ports. */
export interface Listeners {
  /**
   * Puts a listener to work, in place of one with the same name. Where only filter chains changed, connections on
   * chains that are still there with the same definition go on as if nothing had happened (Envoy's in-place filter
   * chain update). Others are led away: HTTP clients are told so with the next answer, what is left after the drain
   * time is cut; and those that no chain is there for any more end as with `remove`.
   */
  activate(listener: CompiledListener): void;
  /**
   * Ends a listener and, within seconds, what came through it: idle connections at once, raw TCP after a second,
   * HTTP after the requests that run, at the latest after the drain time. Envoy lets all of them go on for the drain
   * time; here, who takes a way through the mesh away shall see that it is gone.
   */
  remove(name: string): void;
  acceptOutbound(socket: Socket, destination: Destination): void;
  acceptInbound(socket: Socket, destination: Destination): void;
  /** Whether every listener that wants a port has it. */
  readonly allBound: boolean;
  live(): Iterable<LiveListener>;
  /** Tells the clients of all connections to take another one next time. */
  drain(): void;
  /** Refuses new connections, all of them or those that come in; what is connected stays. */
  stopListening(inboundOnly: boolean): void;
  /** Takes no new connections, waits up to `drainMs` for running ones, then closes them. */
  stop(drainMs: number): Promise<void>;
}

/** Milliseconds that connections of a replaced listener or chain may go on: Istio's default. */
const drainTime = 45_000;
/** Milliseconds after which raw TCP of a removed listener or chain is cut. */
const tcpDrainTime = 1000;

export function createListeners(
  runtime: ProxyRuntime,
  network: ProxyNetwork,
  log: Logger,
  onBound: () => void,
): Listeners {
  const byName = new Map<string, LiveListener>();
  /** Listeners behind interception, by "address:port"; unspecified addresses as "*:port". */
  const byAddress = new Map<string, LiveListener>();
  const ports = new Map<number, { readonly stop: Promise<Stop | undefined>; name: string; bound: boolean }>();
  const drainingListeners = new Set<LiveListener>();
  let outbound: LiveListener | undefined;
  let inbound: LiveListener | undefined;
  let stopped = false;
  let refuses: "nothing" | "inbound" | "all" = "nothing";

  return {
    activate(compiled) {
      const { name } = compiled;
      const before = byName.get(name);
      if (before?.compiled.frame === compiled.frame) {
        const kept = new Set(compiled.chains.map(({ digest }) => digest));
        before.compiled = compiled;
        part(
          [...before.connections].filter(({ place }) => place !== undefined && !kept.has(place.chain.digest)),
          compiled,
        );
      } else {
        byName.set(name, {
          compiled,
          stats: named(name)?.stats ?? newStats(),
          draining: false,
          connections: new Set(),
        });
        if (before !== undefined) retire(before);
        reindex();
        if (before?.compiled.binds && !(compiled.binds && before.compiled.port === compiled.port)) {
          unbind(before.compiled.port, name);
        }
        if (compiled.binds) bind(compiled.port, name);
      }
      for (const live of retired(name))
        part(live.connections, isSamePlace(live, compiled) ? compiled : undefined);
    },
    remove(name) {
      const live = byName.get(name);
      if (live === undefined) return;
      byName.delete(name);
      retire(live);
      for (const other of retired(name)) part(other.connections, undefined);
      reindex();
      if (live.compiled.binds) unbind(live.compiled.port, name);
    },
    acceptOutbound(socket, destination) {
      accept(
        byAddress.get(key(destination.address, destination.port)) ??
          byAddress.get(`*:${destination.port}`) ??
          outbound,
        socket,
        destination,
      );
    },
    acceptInbound(socket, destination) {
      accept(inbound, socket, destination);
    },
    get allBound() {
      for (const { bound } of ports.values()) if (!bound) return false;
      return true;
    },
    *live() {
      yield* byName.values();
      // A listener that came in place of another goes on with its counters.
      const shown = new Set([...byName.values()].map(({ stats }) => stats));
      for (const live of drainingListeners) {
        if (shown.has(live.stats)) continue;
        shown.add(live.stats);
        yield live;
      }
    },
    drain,
    stopListening,
    stop,
  };

  /** The listener at work or, when it was removed a moment ago, still draining. */
  function named(name: string): LiveListener | undefined {
    return byName.get(name) ?? retired(name)[0];
  }

  function retired(name: string): LiveListener[] {
    return [...drainingListeners].filter(({ compiled }) => compiled.name === name);
  }

  function accept(listener: LiveListener | undefined, socket: Socket, destination: Destination) {
    if (listener === undefined || stopped || isRefusing(listener)) {
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    serveConnection(runtime, listener, socket, destination);
  }

  function reindex() {
    byAddress.clear();
    outbound = undefined;
    inbound = undefined;
    for (const live of byName.values()) {
      const { compiled } = live;
      if (compiled.isInterception) {
        if (compiled.direction === "inbound") inbound = live;
        else outbound = live;
      } else if (!compiled.binds) byAddress.set(key(compiled.address, compiled.port), live);
    }
  }

  /** It takes no new connections; its running ones are for `part`. */
  function retire(live: LiveListener) {
    live.draining = true;
    if (live.connections.size === 0) return;
    drainingListeners.add(live);
    runtime.after(drainTime, () => {
      drainingListeners.delete(live);
      for (const connection of live.connections) connection.destroy();
    });
  }

  /**
   * Parts from connections whose listener or chain is gone. Where a new connection like them would find a chain of
   * `now`, there is another way to the same place: their clients are told to take it, with time until the drain time
   * is over. Where it would find none, what they lead to was taken away: they end as a removed listener's do.
   */
  function part(gone: Iterable<OpenConnection>, now: CompiledListener | undefined) {
    const late: OpenConnection[] = [];
    const soon: OpenConnection[] = [];
    for (const connection of gone) {
      const { place, carries, ending } = connection;
      if (now !== undefined && (place === undefined || now.match(place.facts) !== undefined)) {
        if (ending !== "no") continue;
        connection.dismiss();
        late.push(connection);
      } else if (ending !== "drained") {
        connection.drain();
        if (carries === "nothing") connection.destroy();
        else if (carries === "tcp") soon.push(connection);
        else late.push(connection);
      }
    }
    cutAfter(tcpDrainTime, soon);
    cutAfter(drainTime, late);
  }

  function cutAfter(delay: number, connections: readonly OpenConnection[]) {
    if (connections.length === 0) return;
    runtime.after(delay, () => {
      for (const connection of connections) connection.destroy();
    });
  }

  function bind(port: number, name: string) {
    const known = ports.get(port);
    if (known !== undefined) {
      known.name = name;
      return;
    }
    const entry: { stop: Promise<Stop | undefined>; name: string; bound: boolean } = {
      name,
      bound: false,
      stop: Promise.resolve(undefined),
    };
    ports.set(port, entry);
    entry.stop = listenWithRetry(port, entry);
  }

  async function listenWithRetry(
    port: number,
    entry: { name: string; bound: boolean },
  ): Promise<Stop | undefined> {
    const retry = createRetry({ now: runtime.now, after: runtime.after }, { first: 50, most: 5000 });
    const never = new AbortController().signal;
    while (!stopped && ports.get(port) !== undefined) {
      try {
        const stop = await network.listen(port, (socket) => {
          const live = byName.get(entry.name);
          const address = (socket.localAddress ?? "").replace(/^::ffff:/, "");
          accept(live, socket, { address, port });
        });
        entry.bound = true;
        onBound();
        return stop;
      } catch (reason) {
        log.warn(
          { port, listener: entry.name, reason: String(reason) },
          "can't bind a listener's port, will try again",
        );
        await retry.wait(never);
      }
    }
    return undefined;
  }

  /** Gives a port back, unless another listener has taken it over. */
  function unbind(port: number, name: string) {
    const entry = ports.get(port);
    if (entry?.name !== name) return;
    ports.delete(port);
    void entry.stop.then((stop) => stop?.());
  }

  function drain() {
    for (const live of [...byName.values(), ...drainingListeners])
      for (const connection of live.connections) connection.dismiss();
  }

  function stopListening(inboundOnly: boolean) {
    if (refuses !== "all") refuses = inboundOnly ? "inbound" : "all";
    for (const { name, stop } of ports.values()) {
      const live = byName.get(name);
      if (live !== undefined && isRefusing(live)) void stop.then((end) => end?.());
    }
  }

  function isRefusing({ compiled }: LiveListener): boolean {
    return refuses === "all" || (refuses === "inbound" && compiled.direction === "inbound");
  }

  async function stop(drainMs: number): Promise<void> {
    stopped = true;
    await Promise.all([...ports.values()].map(async (entry) => (await entry.stop)?.()));
    ports.clear();
    const all = [...byName.values(), ...drainingListeners];
    for (const live of all) {
      live.draining = true;
      for (const connection of live.connections) connection.drain();
    }
    const open = () => all.some((live) => live.connections.size > 0);
    if (drainMs > 0 && open()) {
      await new Promise<void>((resolve) => {
        const cancel = runtime.after(drainMs, resolve);
        const check = () => {
          if (open()) return runtime.after(10, check);
          cancel();
          resolve();
          return undefined;
        };
        check();
      });
    }
    for (const live of all) for (const connection of live.connections) connection.destroy();
    byName.clear();
    byAddress.clear();
    outbound = undefined;
    inbound = undefined;
  }
}

function isSamePlace({ compiled }: LiveListener, now: CompiledListener): boolean {
  return compiled.address === now.address && compiled.port === now.port;
}

function key(address: string, port: number): string {
  return address === "0.0.0.0" || address === "::" ? `*:${port}` : `${address}:${port}`;
}

function newStats(): LiveListener["stats"] {
  return {
    downstream_cx_total: 0,
    downstream_cx_active: 0,
    downstream_cx_destroy: 0,
    downstream_pre_cx_timeout: 0,
    no_filter_chain_match: 0,
    ssl_handshake: 0,
    ssl_connection_error: 0,
    ssl_fail_verify_san: 0,
    ssl_fail_verify_error: 0,
    ssl_fail_verify_no_cert: 0,
  };
}
