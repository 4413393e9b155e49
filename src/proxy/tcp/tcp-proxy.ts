import type { Socket } from "node:net";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  type TcpProxy,
  TcpProxySchema,
} from "../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { type AccessLogger, compileAccessLogs } from "../access-log/access-log.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { type ConnectOutcome, connectHost, type Established } from "../cluster/connect.ts";
import { xxHash64 } from "../cluster/hash.ts";
import type { Host } from "../cluster/host.ts";
import { ConfigError } from "../config/config-error.ts";
import { milliseconds, unpack } from "../config/wire.ts";
import type { Downstream } from "../http/codec.ts";
import { newFacts } from "../router/facts.ts";
import type { Direction, ProxyRuntime } from "../router/runtime.ts";
import { beginTry, endTry } from "../router/upstream.ts";
import { copyBothWays } from "./copy.ts";
import { openTunnel } from "./open-tunnel.ts";

/** A compiled tcp_proxy filter. */
export interface TcpChain {
  readonly statPrefix: string;
  cluster(): string;
  readonly clusters: readonly string[];
  /** Milliseconds without a byte either way; 0 never. */
  readonly idleTimeout: number;
  /** Milliseconds after which the connection is ended, whatever it carries; 0 never. */
  readonly maxDuration: number;
  /** The cluster's hosts are HTTP proxies that are asked for a tunnel. */
  readonly tunnel: Tunnel | undefined;
  readonly maxAttempts: number;
  readonly hashesSource: boolean;
  readonly accessLogs: readonly AccessLogger[];
}

interface Tunnel {
  /** Host and port that the tunnel leads to. */
  readonly authority: string;
  /** By POST, not by CONNECT. */
  readonly usesPost: boolean;
}

/** Compiles a tcp_proxy filter. Throws ConfigError. */
export function compileTcpProxy(config: Any | undefined, where: string): TcpChain {
  const message = unpack(config, TcpProxySchema, where);
  if (message.statPrefix === "") throw new ConfigError(`${where}: stat_prefix is missing`);
  return {
    statPrefix: message.statPrefix,
    ...compileTarget(message, where),
    idleTimeout: milliseconds(message.idleTimeout) ?? 3_600_000,
    maxDuration: milliseconds(message.maxDownstreamConnectionDuration) ?? 0,
    tunnel: tunnelOf(message),
    maxAttempts: message.maxConnectAttempts ?? 1,
    hashesSource: message.hashPolicy.some(({ policySpecifier }) => policySpecifier.case === "sourceIp"),
    accessLogs: compileAccessLogs(message.accessLog, where),
  };
}

function tunnelOf({ tunnelingConfig }: TcpProxy): Tunnel | undefined {
  return tunnelingConfig === undefined
    ? undefined
    : { authority: tunnelingConfig.hostname, usesPost: tunnelingConfig.usePost };
}

function compileTarget(message: TcpProxy, where: string): Pick<TcpChain, "cluster" | "clusters"> {
  const specifier = message.clusterSpecifier;
  switch (specifier.case) {
    case "cluster":
      return { cluster: () => specifier.value, clusters: [specifier.value] };
    case "weightedClusters": {
      let total = 0;
      const choices = specifier.value.clusters.map(({ name, weight }) => {
        total += weight;
        return { name, upTo: total };
      });
      if (total === 0) throw new ConfigError(`${where}: weights sum to 0`);
      return {
        cluster() {
          const ticket = Math.random() * total;
          return choices.find(({ upTo }) => ticket < upTo)?.name ?? "";
        },
        clusters: choices.map(({ name }) => name),
      };
    }
    default:
      throw new ConfigError(`${where}: tcp_proxy without a cluster`);
  }
}

export interface TcpConnection {
  readonly runtime: ProxyRuntime;
  readonly chain: TcpChain;
  readonly chainName: string;
  readonly downstream: Downstream;
  readonly direction: Direction;
}

/**
 * Leads a connection to a host of the chain's cluster and copies bytes both ways until both sides are done.
 * `socket` is paused; what was read of it already waits in its buffer.
 */
export function proxyTcp(connection: TcpConnection, socket: Socket): void {
  const { runtime, chain, downstream } = connection;
  const facts = newFacts(runtime.now(), downstream, connection.chainName, undefined);
  const name = chain.cluster();
  facts.cluster = name;
  const cluster = runtime.cluster(name);
  let host: Host | undefined;
  let over = false;
  let copying = false;
  /** Set once bytes are copied. */
  let endCarrying: (() => void) | undefined;
  let giveUp = () => {};
  const cancelDuration = chain.maxDuration > 0 ? runtime.after(chain.maxDuration, onTooLong) : noop;
  const onGone = () => {
    giveUp();
    facts.flags.push("DC");
    finish();
  };
  socket.on("error", onGone);
  socket.on("close", onGone);
  if (cluster === undefined) {
    facts.flags.push("NC");
    finish();
  } else attempt(cluster);

  function onTooLong() {
    facts.flags.push("DT");
    // Copying hears of the end by the socket's own events.
    if (copying) socket.destroy();
    else {
      giveUp();
      finish();
    }
  }

  function attempt(to: Cluster) {
    host = to.pick({
      hash: chain.hashesSource ? xxHash64(downstream.remoteAddress) : undefined,
      originalDestination: downstream.destination,
      tried: undefined,
      maxAttempts: 1,
    });
    const chosen = host;
    if (chosen === undefined) {
      facts.flags.push("UH");
      return finish();
    }
    if (to.circuit.connections >= to.config.circuit.connections) {
      to.stats.upstream_cx_overflow++;
      host = undefined;
      facts.flags.push("UO");
      return finish();
    }
    facts.attempts++;
    facts.upstreamHost = chosen;
    beginTry(to, chosen);
    const carried = {
      source: { address: downstream.remoteAddress, port: downstream.remotePort },
      destination: downstream.destination,
    };
    const outcome: ConnectOutcome = {
      connected(established) {
        const { tunnel } = chain;
        if (tunnel === undefined) return carry(to, chosen, established);
        const missing = tunnelNeeds(tunnel, to, established);
        if (missing !== undefined) {
          established.socket.destroy();
          return outcome.failed("protocol error", missing);
        }
        giveUp = openTunnel(established.socket, tunnel.authority, {
          opened: () => carry(to, chosen, established),
          refused: (detail) => outcome.failed("remote connection failure", detail),
        });
      },
      failed(_reason, detail) {
        to.outlier.failedLocally(chosen);
        endTry(to, chosen);
        host = undefined;
        if (detail !== "") facts.transportFailure = detail;
        if (facts.attempts < chain.maxAttempts && !over) return attempt(to);
        facts.flags.push("UF", "URX");
        finish();
      },
    };
    giveUp = connectHost(to.dialler, chosen, undefined, undefined, outcome, carried);
  }

  function carry(to: Cluster, chosen: Host, { socket: upstream, peer, own }: Established) {
    giveUp = () => upstream.destroy();
    to.outlier.answered(chosen, 200);
    facts.upstreamPeer = peer;
    facts.ownPrincipal = own;
    facts.upstreamLocalAddress = `${upstream.localAddress ?? ""}:${upstream.localPort ?? 0}`;
    copying = true;
    socket.off("error", onGone);
    socket.off("close", onGone);
    const moved = copyBothWays(socket, upstream, {
      idleTimeout: chain.idleTimeout,
      after: runtime.after,
      ended(received, sent, because) {
        facts.bytesReceived = received;
        facts.bytesSent = sent;
        to.stats.upstream_cx_rx_bytes_total += sent;
        to.stats.upstream_cx_tx_bytes_total += received;
        if (because === "idle") facts.connectionTerminationDetails = "idle timeout";
        if (because === "reset by b") facts.flags.push("UR");
        finish();
      },
    });
    endCarrying = runtime.carry(facts, connection.direction, () => {
      const { fromA: received, fromB: sent } = moved();
      return { received, sent };
    });
  }

  function finish() {
    if (over) return;
    over = true;
    cancelDuration();
    if (host !== undefined && cluster !== undefined) endTry(cluster, host);
    // Once bytes were copied, copying ends the sockets itself: the last bytes may still be on their way.
    if (!copying) {
      socket.on("error", () => {});
      socket.destroy();
    }
    facts.ended = performance.now();
    for (const log of chain.accessLogs) {
      const line = log(facts);
      if (line !== undefined) runtime.log(line);
    }
    if (endCarrying === undefined) runtime.report(facts, connection.direction);
    else endCarrying();
  }
}

/** Why a tunnel can't be asked for on a connection; undefined when it can. Its bytes must not go out without one. */
function tunnelNeeds(tunnel: Tunnel, to: Cluster, { alpn }: Established): string | undefined {
  if (tunnel.usesPost) return "tunnels by POST are not supported";
  if (to.config.protocol === "http2" || alpn === "h2") return "tunnels over HTTP/2 are not supported";
  return undefined;
}

const noop = () => {};
