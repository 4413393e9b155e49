import http2, { type ClientHttp2Session } from "node:http2";
import https from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Clock, createSignal, type Logger, type Signal } from "../../base/index.ts";
import type { ApiTransport } from "../../kube/index.ts";
import { asDuplex } from "./as-duplex.ts";
import {
  kubernetesHeader,
  pingEvery,
  pingTimeout,
  relayPath,
  relayUpgrade,
  versionHeader,
} from "./protocol.ts";
import { createRelayTransport } from "./relay-transport.ts";

export interface RelayOptions {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  /** The cluster that a token is for; undefined: none, the caller is turned away. */
  authenticate(token: string): Promise<string | undefined>;
  /** Whether this manager is the one that acts; agents are sent on to another otherwise. */
  isLeader(): boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is known of an agent's connection. Times in milliseconds since 1970. */
export interface AgentConnection {
  readonly isConnected: boolean;
  readonly lastSeen: number;
  readonly since: number;
  readonly agentVersion: string;
  readonly kubernetesVersion: string;
}

/** Where agents call, and through which their clusters are reached. */
export interface Relay {
  /** Takes a connection that was made to the relay's port. */
  accept(socket: Socket): void;
  /** The way to a cluster's API as long as its agent is connected; fails with cluster/unreachable otherwise. */
  transport(cluster: string): ApiTransport;
  /** Ends the connection of a cluster's agent and forgets it. */
  drop(cluster: string): void;
  /** Ends the connections of all agents, which call again. */
  dropAll(): void;
  /** Undefined: its agent has not called since the start. */
  connection(cluster: string): AgentConnection | undefined;
  /** Of all agents that have called since the start, by cluster. */
  connections(): ReadonlyMap<string, AgentConnection>;
  /** Told when an agent comes or goes. */
  readonly changes: Signal;
  stop(): void;
}

interface Connected {
  readonly session: ClientHttp2Session;
  connection: AgentConnection;
  stopPings(): void;
}

/** Most of what an agent may send before it is known. */
const mostHeaderBytes = 16 * 1024;

/** Starts taking agents in. A second agent of a cluster takes the place of the first one. */
export function startRelay(options: RelayOptions): Relay {
  const { clock, log } = options;
  const changes = createSignal();
  const agents = new Map<string, Connected>();
  const sockets = new Set<Socket>();
  const server = https.createServer(
    { key: options.key, cert: options.cert, minVersion: "TLSv1.3", maxHeaderSize: mostHeaderBytes },
    (_request, response) => response.writeHead(404).end(),
  );
  server.headersTimeout = 10_000;

  const turnAway = (socket: Duplex, status: string) => {
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  };
  const admit = (
    cluster: string,
    socket: Duplex,
    facts: Pick<AgentConnection, "agentVersion" | "kubernetesVersion">,
  ) => {
    agents.get(cluster)?.session.destroy();
    const session = http2.connect("http://relay", { createConnection: () => asDuplex(socket) });
    const now = clock.now();
    const entry: Connected = {
      session,
      connection: { isConnected: true, lastSeen: now, since: now, ...facts },
      stopPings: keepAlive(session, clock, () => {
        entry.connection = { ...entry.connection, lastSeen: clock.now() };
      }),
    };
    agents.set(cluster, entry);
    session.on("error", (reason) =>
      log.warn({ cluster, reason: String(reason) }, "an agent's connection failed"),
    );
    session.once("close", () => {
      entry.stopPings();
      entry.connection = { ...entry.connection, isConnected: false };
      log.info({ cluster }, "agent disconnected");
      changes.notify();
    });
    log.info({ cluster }, "agent connected");
    changes.notify();
  };
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => {});
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
    const isRelay = request.url === relayPath && request.headers.upgrade === relayUpgrade;
    if (!isRelay || token === undefined) return turnAway(socket, "400 Bad Request");
    if (!options.isLeader()) return turnAway(socket, "503 Service Unavailable");
    const text = (name: string) => String(request.headers[name] ?? "").slice(0, 63);
    const facts = { agentVersion: text(versionHeader), kubernetesVersion: text(kubernetesHeader) };
    options.authenticate(token).then(
      (cluster) => {
        if (cluster === undefined) return turnAway(socket, "401 Unauthorized");
        if (head.length > 0) return turnAway(socket, "400 Bad Request");
        // It may have lost patience meanwhile.
        if (!socket.readable || !socket.writable) return void socket.destroy();
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${relayUpgrade}\r\n\r\n`,
        );
        admit(cluster, socket, facts);
      },
      (reason: unknown) => {
        log.warn({ reason: String(reason) }, "an agent could not be authenticated");
        turnAway(socket, "503 Service Unavailable");
      },
    );
  });

  return {
    changes,
    accept(socket) {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      server.emit("connection", socket);
    },
    transport: (cluster) =>
      createRelayTransport(cluster, () => {
        const agent = agents.get(cluster);
        return agent?.connection.isConnected === true ? agent.session : undefined;
      }),
    drop(cluster) {
      agents.get(cluster)?.session.destroy();
      agents.delete(cluster);
    },
    dropAll() {
      for (const { session } of agents.values()) session.destroy();
    },
    connection: (cluster) => agents.get(cluster)?.connection,
    connections: () => new Map([...agents].map(([cluster, { connection }]) => [cluster, connection])),
    stop() {
      for (const { session, stopPings } of agents.values()) {
        stopPings();
        session.destroy();
      }
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Pings the other side of a session again and again, and ends the session when it does not answer. */
export function keepAlive(
  session: Pick<ClientHttp2Session, "ping" | "destroy" | "destroyed">,
  clock: Clock,
  seen: () => void,
): () => void {
  let isStopped = false;
  let cancel = () => {};
  const next = () => {
    if (!isStopped) cancel = clock.after(pingEvery, ping);
  };
  const ping = () => {
    if (session.destroyed) return;
    const overdue = clock.after(pingTimeout, () => session.destroy());
    cancel = overdue;
    session.ping((failure) => {
      overdue();
      if (failure !== null) return;
      seen();
      next();
    });
  };
  next();
  return () => {
    isStopped = true;
    cancel();
  };
}
