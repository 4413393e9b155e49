import type { Socket } from "node:net";
import type { Clock, Logger, Stop } from "../../base/index.ts";
import { type DnsAnswer, type DnsQuestion, recordTypes, searchPath } from "../../dns/index.ts";
import type { Destination, Interceptor, PodNetwork } from "../contracts.ts";
import { inboundSource, isLoopback, plainAddress, shadowOf } from "./addresses.ts";
import { startDispatcher } from "./dispatcher.ts";
import { parseInterceptionRules } from "./interception-rules.ts";
import { listenOn } from "./listener.ts";
import type { UserCheck } from "./peer-user.ts";
import type { PortMap } from "./ports.ts";
import type { ClusterNetwork } from "./routing.ts";
import { createSocketPair } from "./socket-pair.ts";
import { connectFrom, joinSockets } from "./sockets.ts";

/** What the network needs to know of a pod. */
export interface PodFacts {
  readonly namespace: string;
  readonly name: string;
  /** Node that it runs on, for traffic policies that prefer the caller's node. */
  readonly node?: string;
  /** The pod's annotations; traffic.sidecar.istio.io/… say what is not intercepted. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface PodNetworkOptions {
  readonly facts: PodFacts;
  readonly cluster: ClusterNetwork;
  readonly address: string;
  readonly dispatcherPort: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ports: PortMap;
  readonly isOwnUser: UserCheck;
  /** "user:password" by which the pod's own programs are known to its dispatcher. */
  readonly credentials: string;
  /** Whether the peer of a connection that came in may reach this pod; takes care of it when not. */
  admit(socket: Socket): boolean;
  /** Opens a connection from the pod's address to another one. */
  dial(to: Destination): Socket;
}

/** Domain of every cluster's names. */
const clusterDomain = "cluster.local";

/** Sets up one pod at its address and starts its dispatcher. Rejects with EADDRINUSE when the address is in use. */
export async function attachPodNetwork(
  options: PodNetworkOptions,
): Promise<{ readonly network: PodNetwork; release(): Promise<void> }> {
  const { facts, cluster, address, dispatcherPort, ports, log } = options;
  const rules = parseInterceptionRules(facts.annotations);
  const shadow = shadowOf(address);
  const listening = new Map<number, Stop>();
  const exposed = new Map<number, Promise<Stop>>();
  const appPorts = new Map<number, Destination>();
  const connections = new Set<Socket>();
  let sidecar: Interceptor | undefined;

  const track = (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  };
  const accept = (socket: Socket): boolean => {
    track(socket);
    return options.admit(socket);
  };
  const appAddress = (port: number): Destination => {
    const known = appPorts.get(port);
    if (known !== undefined) return known;
    const taken = new Set([...appPorts.values()].map((app) => app.port));
    let real = ports.mayBind(port) ? port : 10000 + port;
    while (real !== port && taken.has(real)) real += 1024;
    const place = { address: shadow, port: real };
    appPorts.set(port, place);
    return place;
  };
  const isOwn = (to: string) => to === address || to === "127.0.0.1" || to === "::1";
  const dial = (to: Destination, source?: string): Socket => {
    const socket = isOwn(to.address) ? dialOwn(to, source) : options.dial(to);
    track(socket);
    return socket;
  };
  const dialOwn = (to: Destination, source?: string): Socket => {
    const isInbound = source === address && to.address === address;
    if (!isInbound && !listening.has(to.port)) return connectFrom(inboundSource, appAddress(to.port));
    return connectFrom(address, { address, port: ports.real(address, to.port) });
  };
  const isIntercepted = (to: Destination) =>
    sidecar !== undefined && !isOwn(to.address) && rules.interceptsOutbound(to);
  const answer = async (question: DnsQuestion) => sidecar?.answer?.(question) ?? cluster.answer(question);
  /** As a resolver does with the pod's resolv.conf: one question for each name of the search path. */
  const search = async (host: string, ask: (question: DnsQuestion) => Promise<DnsAnswer>) => {
    const name = host.toLowerCase();
    if (/^\d{1,3}(\.\d{1,3}){3}$/.test(name) || name.includes(":")) return [name];
    if (name === "localhost" || name === "localhost.") return ["127.0.0.1"];
    if (name === facts.name) return [address];
    for (const candidate of searchPath(name, facts.namespace, clusterDomain)) {
      const { records } = await ask({ name: candidate, type: recordTypes.A });
      const addresses = records.flatMap((record) => (record.type === "A" ? [record.address] : []));
      if (addresses.length > 0) return addresses;
    }
    return [];
  };
  const resolve = (host: string) => search(host, (question) => cluster.answer(question));
  const lookup = (host: string) => search(host, answer);
  const callerOf = (socket: Socket): Destination => ({
    address: plainAddress(socket.remoteAddress),
    port: socket.remotePort ?? 0,
  });
  /** A made-up source for connections that begin in this process. */
  let nextPort = 0;
  const appSource = (): Destination => {
    nextPort = (nextPort + 1) % 28000;
    return { address, port: 32768 + nextPort };
  };

  const open = (to: Destination): Socket => {
    if (sidecar === undefined || !isIntercepted(to)) return dial(to);
    const [near, far] = createSocketPair(appSource(), to);
    sidecar.acceptOutbound(far, to);
    return near;
  };

  const onInbound = (port: number) => (socket: Socket) => {
    if (!accept(socket)) return;
    const source = callerOf(socket);
    if (sidecar !== undefined && source.address !== inboundSource && rules.interceptsInbound(port)) {
      return sidecar.acceptInbound(socket, { address, port });
    }
    joinSockets(socket, connectFrom(source.address, appAddress(port)));
  };

  const stopDispatcher = await startDispatcher({
    address,
    port: dispatcherPort,
    ports,
    log,
    isOwnUser: options.isOwnUser,
    credentials: options.credentials,
    onConnection: track,
    lookup,
    open,
    handOver(socket, to) {
      if (sidecar === undefined || !isIntercepted(to)) return false;
      sidecar.acceptOutbound(socket, to);
      return true;
    },
    isIntercepted,
  });

  const network: PodNetwork = {
    cluster: cluster.name,
    address,
    dial,
    isDirect: ({ address: to, port }) =>
      isLoopback(to) && ports.mayBind(port) && ports.real(to, port) === port,
    async listen(port, onConnection) {
      const stopListening = await listenOn(address, port, ports, (socket) => {
        if (accept(socket)) onConnection(socket);
      });
      const stop: Stop = async () => {
        if (listening.get(port) === stop) listening.delete(port);
        await stopListening();
      };
      listening.set(port, stop);
      return stop;
    },
    resolve,
    lookup,
    answer,
    appAddress,
    async exposeAppPort(port) {
      const known = exposed.get(port);
      const started = known ?? listenOn(address, port, ports, onInbound(port));
      exposed.set(port, started);
      try {
        await started;
      } catch (reason) {
        exposed.delete(port);
        throw reason;
      }
    },
    async connect(host, port) {
      const [first] = await lookup(host);
      if (first === undefined) {
        const error: NodeJS.ErrnoException = new Error(`getaddrinfo ENOTFOUND ${host}`);
        throw Object.assign(error, { code: "ENOTFOUND", syscall: "getaddrinfo", hostname: host });
      }
      return connected(open({ address: first, port }));
    },
    environment: proxyEnvironment(`${options.credentials}@${address}:${dispatcherPort}`),
    intercept(interceptor) {
      sidecar = interceptor;
    },
  };
  return {
    network,
    async release() {
      sidecar = undefined;
      await stopDispatcher();
      for (const stop of [...listening.values()]) await stop();
      for (const started of [...exposed.values()]) await (await started.catch(() => undefined))?.();
      exposed.clear();
      for (const socket of connections) socket.destroy();
    },
  };
}

function connected(socket: Socket): Promise<Socket> {
  if (!socket.connecting) return Promise.resolve(socket);
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/**
 * What makes ordinary programs use the dispatcher; by HTTP, since some refuse to start when they are told of a SOCKS
 * proxy and have no library for it. No address is left out: localhost means the pod, and the
 * dispatcher leads there. Empty NO_PROXY, since this process's own may say otherwise.
 */
function proxyEnvironment(authority: string): Record<string, string> {
  const http = `http://${authority}`;
  return {
    http_proxy: http,
    HTTP_PROXY: http,
    https_proxy: http,
    HTTPS_PROXY: http,
    all_proxy: http,
    ALL_PROXY: http,
    no_proxy: "",
    NO_PROXY: "",
  };
}
