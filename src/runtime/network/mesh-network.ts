import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { type Clock, IsthmusError, type Logger, type Stop } from "../../base/index.ts";
import type { Destination, PodNetwork } from "../contracts.ts";
import { nodeAddress, plainAddress, podAddress, podRangeSize } from "./addresses.ts";
import type { DelayRelay } from "./delay-relay.ts";
import { createLinks } from "./links.ts";
import { listenOn } from "./listener.ts";
import { createUserCheck } from "./peer-user.ts";
import { attachPodNetwork, type PodFacts } from "./pod-network.ts";
import { createPortMap, lowestBindablePort, lowPortSysctl } from "./ports.ts";
import {
  type ClusterNetwork,
  type Frontend,
  isReachable,
  type Route,
  route,
  type Source,
  sourceOf,
  type Topology,
} from "./routing.ts";
import { connectFrom, failingSocket, joinSockets, reset } from "./sockets.ts";

export interface MeshNetworkOptions {
  readonly clusters?: readonly ClusterNetwork[];
  readonly clock: Clock;
  readonly log: Logger;
  /** After this long a connection that can't be made fails; default 10 s. */
  readonly connectTimeoutMs?: number;
  /** Port of each pod's address that speaks HTTP proxy and SOCKS5; default 15080. */
  readonly dispatcherPort?: number;
  /** Lowest port that this user may bind; default: asked of the kernel. */
  readonly lowestPort?: number;
  /** Told once, when a port had to move because this user may not bind it. */
  readonly warn?: (message: string) => void;
}

/** A pod's place in the network. `release` closes everything that is left of the pod and frees its address. */
export interface AttachedPod {
  readonly network: PodNetwork;
  release(): Promise<void>;
}

/**
 * The network of one mesh on this machine: who has which address, who reaches whom, and what is broken at the
 * moment. Pods, Services and load balancers are real listening sockets on 127.B.x.y.
 */
export interface MeshNetwork {
  /** Makes a cluster's addresses known. A second call with the same name replaces what was said. */
  addCluster(cluster: ClusterNetwork): void;
  removeCluster(name: string): void;
  /**
   * Gives a pod its address, `address` when that is a free one of the cluster's pod range, and starts its
   * dispatcher. Rejects when the cluster is unknown or its range is used up.
   */
  attachPod(pod: PodFacts & { readonly cluster: string; readonly address?: string }): Promise<AttachedPod>;
  /** "user:password" by which the dispatchers know whom they may serve. A secret of this machine's user. */
  readonly credentials: string;
  /** The pod that has the address now. */
  podAt(address: string): (PodFacts & { readonly cluster: string }) | undefined;
  /** Opens a connection as a node of the cluster does: for probes and for the API server's webhooks. */
  dialFromNode(cluster: string, to: Destination): Socket;
  /** Where `address`:`port` is really bound. Differs for ports under 1024 that this user may not bind. */
  realPort(address: string, port: number): number;
  /** Owns a Service's address and port from now on. Rejects with EADDRINUSE. Stopping leaves connections alone. */
  bindFrontend(address: string, port: number, frontend: Frontend): Promise<Stop>;
  /** Cuts what is between two clusters or networks: connections are reset, new ones time out. */
  cutLink(a: string, b: string): void;
  /** Makes new connections between them slower by `delayMs` in each direction. */
  delayLink(a: string, b: string, delayMs: number): Promise<void>;
  healLink(a: string, b: string): void;
  /** Releases all pods and closes all listeners. */
  stop(): Promise<void>;
}

/** Most accepted connections that are held before their reset; those beyond are reset at once. */
const mostHeld = 1000;

/** Creates the network of a mesh. Nothing listens before the first pod is attached. */
export function createMeshNetwork(options: MeshNetworkOptions): MeshNetwork {
  const { clock, log, connectTimeoutMs = 10_000, dispatcherPort = 15080 } = options;
  const clusters = new Map<string, ClusterNetwork>();
  const blocks = new Map<number, ClusterNetwork>();
  const pods = new Map<string, PodFacts & { readonly cluster: string; readonly attached?: AttachedPod }>();
  const lastIndex = new Map<string, number>();
  const frontends = new Map<string, Frontend>();
  const frontendStops = new Set<Stop>();
  const links = createLinks((cluster) => clusters.get(cluster)?.network);
  const ports = createPortMap(options.lowestPort ?? lowestBindablePort(), (address, port, real) => {
    options.warn?.(
      `port ${port} may not be bound by this user: ${address}:${port} is found at ${address}:${real} instead. ` +
        `sysctl ${lowPortSysctl}=0 allows such ports`,
    );
  });
  const isOwnUser = createUserCheck();
  const credentials = `pod:${randomBytes(18).toString("hex")}`;
  let relay: DelayRelay | undefined;
  let startingRelay: Promise<DelayRelay> | undefined;
  const held = new Set<Socket>();
  const forwarded = new Set<Socket>();

  const topology: Topology = {
    cluster: (name) => clusters.get(name),
    clusterOfBlock: (block) => blocks.get(block),
    frontend: (address, port) => frontends.get(`${address}:${port}`),
    realPort: ports.real,
    links,
  };

  const follow = (decision: Route, to: Destination): Socket => {
    if (decision.kind === "fail") {
      const delay = decision.code === "ETIMEDOUT" ? connectTimeoutMs : 0;
      return failingSocket(to, decision.code, clock, delay);
    }
    const { localAddress, delayMs, crossings } = decision;
    const open = () => connectFrom(localAddress, decision.to);
    const socket = delayMs > 0 && relay !== undefined ? relay.dial(decision.to, delayMs, open) : open();
    for (const [from, onto] of crossings) links.watch(socket, from, onto);
    return socket;
  };
  const dial = (source: Source, to: Destination): Socket => follow(route(topology, source, to), to);

  const hold = (socket: Socket) => {
    socket.on("error", () => {});
    if (held.size >= mostHeld) return reset(socket);
    held.add(socket);
    const cancel = clock.after(connectTimeoutMs, () => reset(socket));
    socket.once("close", () => {
      held.delete(socket);
      cancel();
    });
  };

  /** Whether someone at `peer` reaches the cluster's pods. If not, the connection is taken care of. */
  const admit = (socket: Socket, clusterName: string): boolean => {
    const source = sourceOf(topology, plainAddress(socket.remoteAddress));
    if (source.cluster === undefined || source.cluster === clusterName) return true;
    const owner = clusters.get(clusterName);
    if (
      owner !== undefined &&
      isReachable(topology, source, owner) &&
      !links.between(source.cluster, clusterName).isCut
    ) {
      links.watch(socket, source.cluster, clusterName);
      return true;
    }
    hold(socket);
    return false;
  };

  const forward = (socket: Socket, to: Destination) => {
    forwarded.add(socket);
    socket.once("close", () => forwarded.delete(socket));
    const source = sourceOf(topology, plainAddress(socket.remoteAddress));
    const decision = route(topology, source, to);
    if (decision.kind === "fail") {
      if (decision.code === "ETIMEDOUT") return hold(socket);
      socket.on("error", () => {});
      return reset(socket);
    }
    for (const [from, onto] of decision.crossings) links.watch(socket, from, onto);
    joinSockets(socket, follow(decision, to));
  };

  const freeAddress = (cluster: ClusterNetwork): string | undefined => {
    const start = lastIndex.get(cluster.name) ?? -1;
    for (let step = 1; step <= podRangeSize; step++) {
      const index = (start + step) % podRangeSize;
      const address = podAddress(cluster.block, index);
      if (address === undefined || pods.has(address)) continue;
      lastIndex.set(cluster.name, index);
      return address;
    }
    return undefined;
  };

  const isFreePodAddress = (address: string, cluster: ClusterNetwork): boolean => {
    const [, block, third = 0, fourth = 0] = address.split(".").map(Number);
    return (
      block === cluster.block &&
      podAddress(cluster.block, third * 256 + fourth - 2) === address &&
      !pods.has(address)
    );
  };

  const network: MeshNetwork = {
    credentials,
    addCluster(cluster) {
      network.removeCluster(cluster.name);
      clusters.set(cluster.name, cluster);
      blocks.set(cluster.block, cluster);
    },
    removeCluster(name) {
      const known = clusters.get(name);
      clusters.delete(name);
      if (known !== undefined) blocks.delete(known.block);
    },
    async attachPod({ cluster: clusterName, address: wanted, ...facts }) {
      const cluster = clusters.get(clusterName);
      if (cluster === undefined) throw new Error(`cluster "${clusterName}" is not part of this network`);
      let next = wanted !== undefined && isFreePodAddress(wanted, cluster) ? wanted : freeAddress(cluster);
      for (; next !== undefined; next = freeAddress(cluster)) {
        const address = next;
        const pod = { ...facts, cluster: clusterName };
        pods.set(address, pod); // Taken while it is being bound.
        try {
          const attached = await attachPodNetwork({
            facts,
            cluster,
            address,
            dispatcherPort,
            clock,
            log: log.child({ cluster: clusterName, pod: `${facts.namespace}/${facts.name}` }),
            ports,
            isOwnUser,
            credentials,
            admit: (socket) => admit(socket, clusterName),
            dial: (to) => dial({ cluster: clusterName, address }, to),
          });
          const release = async () => {
            await attached.release();
            if (pods.get(address) === entry) pods.delete(address);
            ports.forget(address);
          };
          const entry = { ...pod, attached: { network: attached.network, release } };
          pods.set(address, entry);
          return entry.attached;
        } catch (reason) {
          pods.delete(address);
          // Another program uses this address: the next one will do.
          if ((reason as NodeJS.ErrnoException).code !== "EADDRINUSE") throw reason;
        }
      }
      throw new IsthmusError(
        "engine/no-address-block",
        `cluster "${clusterName}" has no free pod address left`,
      );
    },
    podAt: (address) => pods.get(address),
    dialFromNode(clusterName, to) {
      const cluster = clusters.get(clusterName);
      if (cluster === undefined) throw new Error(`cluster "${clusterName}" is not part of this network`);
      return dial({ cluster: clusterName, address: nodeAddress(cluster.block) }, to);
    },
    realPort: ports.real,
    async bindFrontend(address, port, frontend) {
      const id = `${address}:${port}`;
      const stopListening = await listenOn(address, port, ports, (socket) =>
        forward(socket, { address, port }),
      );
      frontends.set(id, frontend);
      const stop: Stop = async () => {
        if (!frontendStops.delete(stop)) return;
        if (frontends.get(id) === frontend) frontends.delete(id);
        await stopListening();
      };
      frontendStops.add(stop);
      return stop;
    },
    cutLink: (a, b) => links.set(a, b, { isCut: true }),
    async delayLink(a, b, delayMs) {
      const { startDelayRelay } = await import("./delay-relay.ts");
      startingRelay ??= startDelayRelay(clock);
      relay = await startingRelay;
      links.set(a, b, { delayMs });
    },
    healLink: (a, b) => links.set(a, b, undefined),
    async stop() {
      for (const pod of [...pods.values()]) await pod.attached?.release();
      for (const stop of [...frontendStops]) await stop();
      await (await startingRelay)?.stop();
      for (const socket of [...held, ...forwarded]) socket.destroy();
    },
  };
  for (const cluster of options.clusters ?? []) network.addCluster(cluster);
  return network;
}
