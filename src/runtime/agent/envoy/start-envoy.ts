import { writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { createSignal, type Stop } from "../../../base/index.ts";
import { plainAddress } from "../../network/addresses.ts";
import type { AgentProxy, ProxyStartOptions } from "../contracts.ts";
import { createResourceAdapter, interceptionSocket, listenerAddress } from "./adapt-resources.ts";
import { askAdmin } from "./admin-client.ts";
import { createAdsRelay, type RelayedType } from "./ads-relay.ts";
import { serveAgentSocket } from "./agent-socket.ts";
import { envoyBootstrap } from "./bootstrap.ts";
import type { EnvoyHost } from "./envoy-host.ts";
import { createInlets } from "./inlets.ts";
import { createOutlets } from "./outlets.ts";
import { watchReadiness } from "./readiness.ts";
import { type Exit, runEnvoy, trafficFile } from "./run-envoy.ts";
import { showAddresses } from "./show-addresses.ts";
import { spliceInto } from "./splice.ts";
import { ownHeaders, tellTraffic } from "./traffic/tell-traffic.ts";
import { createTrafficCounter } from "./traffic/traffic-lines.ts";

export interface EnvoyOptions extends ProxyStartOptions {
  /** Path of the program. */
  readonly binary: string;
  readonly host: EnvoyHost;
}

/** A real Envoy behind the methods of a proxy. */
export interface EnvoyProxy extends AgentProxy {
  readonly state: AgentProxy["state"] & {
    /** What Envoy took last, and what it refused, by type of resource. */
    readonly types: ReadonlyMap<string, RelayedType>;
  };
  readonly exited: Promise<Exit>;
  /** Undefined once the process has ended. */
  readonly pid: number | undefined;
}

/**
 * Starts Envoy for a pod. It listens on unix sockets only, in a folder closed to other users: connections are handed to
 * it with a PROXY header, so nobody but the pod's own network can say that they come from somewhere else. It dials
 * from the pod's address, so that receivers know which network a connection comes from.
 */
export async function startEnvoy(options: EnvoyOptions): Promise<EnvoyProxy> {
  const { network, clock, log } = options;
  const folder = await options.host.folder();
  const adminSocket = `${folder.path}/admin`;
  const agentSocket = `${folder.path}/agent`;
  const sockets = new Set<Socket>();
  const changes = createSignal();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      if (sockets.size === 0) onIdle();
    });
  };
  let onIdle = () => {};

  const inlets = createInlets(network, log, track);
  const outlets = createOutlets({ folder: folder.path, network, log });
  const traffic = createTrafficCounter(options.node.metadata);
  const told = ownHeaders(options.node.id, options.node.metadata);
  const adapter = createResourceAdapter({
    folder: folder.path,
    inlets,
    outlets,
    isDirect: network.isDirect,
    address: network.address,
    tellTraffic: (listener) => tellTraffic(listener, `${folder.path}/${trafficFile}`, told),
  });
  const asSent = (text: string) =>
    showAddresses(text, folder.path, (socket) => listenerAddress(socket) ?? outlets.target(socket));
  const relay = createAdsRelay({ openAds: options.openAds, adapter, clock, log, onChange });
  const readiness = watchReadiness({
    relay,
    adminSocket,
    bound: inlets.bound,
    clock,
    onChange: changes.notify,
  });

  let stopAgentSocket: Stop | undefined;
  const release = async () => {
    readiness.stop();
    await stopAgentSocket?.();
    await Promise.all([inlets.stop(), outlets.stop()]);
    for (const socket of sockets) socket.destroy();
    await folder.remove();
  };
  const running = await (async () => {
    stopAgentSocket = await serveAgentSocket(agentSocket, { relay, secrets: options.secrets, log });
    const bootstrap = envoyBootstrap({
      node: options.node,
      agentSocket,
      adminSocket,
      address: network.address,
    });
    const file = `${folder.path}/bootstrap.json`;
    await writeFile(file, JSON.stringify(bootstrap), { mode: 0o600 });
    return runEnvoy({
      binary: options.binary,
      args: envoyArgs(file),
      folder: folder.path,
      host: options.host,
      onLine: (line) => options.accessLog(asSent(line)),
      onTraffic: traffic.take,
      onExit: readiness.lost,
      clock,
    });
  })().catch(async (reason: unknown) => {
    await release();
    throw reason;
  });

  function onChange() {
    readiness.look();
    changes.notify();
  }

  const stop = async (drainMs: number) => {
    // Gateways: ports are closed first, so that nobody new comes while those inside finish.
    await inlets.stop();
    if (sockets.size > 0 && drainMs > 0) {
      const drained = new Promise<void>((resolve) => {
        onIdle = resolve;
        clock.after(drainMs, resolve);
      });
      await askAdmin(adminSocket, "/drain_listeners?graceful", "POST").catch(() => undefined);
      await drained;
    }
    readiness.stop();
    await running.stop();
    await release();
  };
  let stopping: Promise<void> | undefined;
  return {
    acceptOutbound(socket, destination) {
      track(socket);
      const source = { address: network.address, port: socket.remotePort ?? 0 };
      spliceInto(interceptionSocket(folder.path, "outbound"), socket, source, destination);
    },
    acceptInbound(socket, destination) {
      track(socket);
      const source = { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
      spliceInto(interceptionSocket(folder.path, "inbound"), socket, source, destination);
    },
    state: {
      get ready() {
        return readiness.isReady;
      },
      get connected() {
        return relay.connected;
      },
      types: relay.types,
    },
    changes,
    get nameTable() {
      return relay.nameTable;
    },
    use: { processGroups: () => (running.pid === undefined ? [] : [running.pid]) },
    get pid() {
      return running.pid;
    },
    exited: running.exited,
    async admin(path, query, method) {
      const search = query.toString();
      try {
        const answer = await askAdmin(adminSocket, search === "" ? path : `${path}?${search}`, method);
        const isMetrics = path === "/stats/prometheus";
        return { ...answer, body: asSent(answer.body) + (isMetrics ? traffic.text() : "") };
      } catch (reason) {
        return {
          status: 503,
          contentType: "text/plain; charset=UTF-8",
          body: `Envoy does not answer: ${reason instanceof Error ? reason.message : String(reason)}\n`,
        };
      }
    },
    leaveTime,
    drain() {
      // Without skip_exit the listeners would close when the drain time is over.
      void askAdmin(adminSocket, "/drain_listeners?graceful&skip_exit", "POST").catch(() => undefined);
    },
    stop(drainMs) {
      stopping ??= stop(drainMs);
      return stopping;
    },
  };
}

/** Other Envoys are processes of their own, which a busy machine lets wait before they read what is new. */
const leaveTime = 2500;

function envoyArgs(bootstrapFile: string): readonly string[] {
  return [
    "--config-path",
    bootstrapFile,
    // One worker: a pod's traffic on one machine, and less memory.
    "--concurrency",
    "1",
    "--disable-hot-restart",
    "--drain-strategy",
    "immediate",
    // How long connections live on after their listener went: changes are to be seen within 5 s.
    "--drain-time-s",
    "2",
    "--file-flush-interval-msec",
    "100",
    "--log-level",
    "warning",
    // Istio's resources use fields that newer Envoys call deprecated, each with a warning.
    "--component-log-level",
    "misc:error",
    "--log-format",
    "%Y-%m-%dT%T.%fZ\t%l\tenvoy %n\t%v",
  ];
}
