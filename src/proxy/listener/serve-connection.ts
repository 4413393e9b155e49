import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Destination } from "../contracts.ts";
import type { Downstream, DownstreamTls } from "../http/codec.ts";
import type { HttpChain } from "../http/http-chain.ts";
import { xfccElement } from "../http/xfcc.ts";
import { type ServerConnection, serveHttp1 } from "../http1/server-connection.ts";
import { serveHttp2 } from "../http2/server-connection.ts";
import { startExchange } from "../router/exchange.ts";
import { newFacts } from "../router/facts.ts";
import { httpDate } from "../router/finish-headers.ts";
import type { HttpConnection } from "../router/http-connection.ts";
import { logRefusal } from "../router/log-refusal.ts";
import type { ProxyRuntime } from "../router/runtime.ts";
import { proxyTcp } from "../tcp/tcp-proxy.ts";
import { acceptTls } from "../tls/accept-tls.ts";
import type { CompiledListener, FilterChain } from "./compile-listener.ts";
import { isHttp2Preface } from "./http-inspector.ts";
import { type Inspected, inspect } from "./inspect.ts";
import type { ConnectionFacts } from "./match-chain.ts";

/** A listener at work: its counters and connections. */
export interface LiveListener {
  /** Its present form. Only its filter chains change while it is at work. */
  compiled: CompiledListener;
  readonly stats: ListenerStats;
  /** Replaced or removed: it takes no new connections. */
  draining: boolean;
  readonly connections: Set<OpenConnection>;
}

export interface ListenerStats {
  downstream_cx_total: number;
  downstream_cx_active: number;
  downstream_cx_destroy: number;
  downstream_pre_cx_timeout: number;
  no_filter_chain_match: number;
  ssl_handshake: number;
  ssl_connection_error: number;
  ssl_fail_verify_san: number;
  ssl_fail_verify_error: number;
  ssl_fail_verify_no_cert: number;
}

/** Where a connection was led, and what led it there. */
export interface Place {
  readonly chain: FilterChain;
  readonly facts: ConnectionFacts;
}

export interface OpenConnection {
  /** Undefined until the client's first bytes were looked at, and when no chain fits. */
  readonly place: Place | undefined;
  /** "nothing" until TLS was agreed on and the client's protocol is known. */
  readonly carries: "nothing" | "http" | "tcp";
  /** What it was told so far. */
  readonly ending: "no" | "dismissed" | "drained";
  /** HTTP clients are told to go elsewhere: HTTP/1 with the next answer, HTTP/2 at once. Raw TCP goes on. */
  dismiss(): void;
  /** Ends HTTP when it is idle, else after what runs on it. Raw TCP goes on. */
  drain(): void;
  destroy(): void;
}

let connectionIds = 0;

/**
 * Serves one accepted connection: looks at its first bytes, chooses the filter chain, terminates TLS and hands it
 * to the chain's HTTP or TCP proxy. `destination` is where the client wanted to go.
 */
export function serveConnection(
  runtime: ProxyRuntime,
  listener: LiveListener,
  accepted: Socket,
  destination: Destination,
): void {
  const { stats } = listener;
  const id = ++connectionIds;
  let served: ServerConnection | undefined;
  let carries: OpenConnection["carries"] = "nothing";
  let place: Place | undefined;
  let ending: OpenConnection["ending"] = "no";
  const open: OpenConnection = {
    get place() {
      return place;
    },
    get carries() {
      return carries;
    },
    get ending() {
      return ending;
    },
    dismiss() {
      ending = "dismissed";
      served?.dismiss();
    },
    drain() {
      ending = "drained";
      served?.drain();
    },
    destroy() {
      accepted.destroy();
    },
  };
  stats.downstream_cx_total++;
  stats.downstream_cx_active++;
  listener.connections.add(open);
  accepted.setNoDelay(true);
  accepted.allowHalfOpen = true;
  const remote = { address: plainAddress(accepted.remoteAddress), port: accepted.remotePort ?? 0 };
  // Whoever serves the connection listens for errors; between two of them none may go unheard.
  accepted.on("error", () => {});
  accepted.once("close", () => {
    stats.downstream_cx_active--;
    stats.downstream_cx_destroy++;
    listener.connections.delete(open);
  });
  inspect(accepted, listener.compiled, destination.port, runtime.after, choose);

  function choose(inspected: Inspected) {
    const to = inspected.destination ?? destination;
    const from = inspected.source ?? remote;
    const matched: ConnectionFacts = {
      destinationAddress: to.address,
      destinationPort: to.port,
      sni: inspected.hello?.sni,
      transport: inspected.transport,
      protocols: inspected.protocols,
      sourceAddress: from.address,
      sourcePort: from.port,
    };
    const chain = listener.compiled.match(matched);
    const facts = {
      id,
      remoteAddress: from.address,
      remotePort: from.port,
      localAddress: to.address,
      localPort: to.port,
      destination: to,
      sni: inspected.hello?.sni,
    };
    if (chain === undefined) {
      stats.no_filter_chain_match++;
      return refuse(accepted, { ...facts, tls: undefined }, "NR", "filter_chain_not_found");
    }
    place = { chain, facts: matched };
    if (chain.tls === undefined) {
      return serve(chain, accepted, inspected.first, { ...facts, tls: undefined });
    }
    if (inspected.first !== undefined) accepted.unshift(inspected.first);
    const cancel = runtime.after(chain.handshakeTimeout, () => {
      stats.downstream_pre_cx_timeout++;
      accepted.destroy();
    });
    acceptTls(accepted, chain.tls, inspected.hello, {
      secured(socket: TLSSocket, tls: DownstreamTls) {
        cancel();
        stats.ssl_handshake++;
        const sni = facts.sni ?? (typeof socket.servername === "string" ? socket.servername : undefined);
        serve(chain, socket, undefined, { ...facts, sni, tls });
      },
      failed(reason) {
        cancel();
        stats.ssl_connection_error++;
        if (reason.includes("SAN")) stats.ssl_fail_verify_san++;
        else if (reason.includes("VERIFY")) stats.ssl_fail_verify_error++;
        else if (reason.includes("did not return")) stats.ssl_fail_verify_no_cert++;
        logConnection({ ...facts, tls: undefined }, chain.name, undefined, reason);
        accepted.on("error", () => {});
      },
    });
  }

  function serve(chain: FilterChain, socket: Socket, first: Buffer | undefined, downstream: Downstream) {
    for (const rules of chain.rbac) {
      const attempt = { downstream, request: undefined, clientAddress: downstream.remoteAddress };
      const { allowed, policy } = rules(attempt);
      if (!allowed) return deny(chain, socket, downstream, policy);
    }
    const { terminal } = chain;
    if (terminal.kind === "http") return serveHttp(chain.name, terminal.chain, socket, first, downstream);
    carries = "tcp";
    if (first !== undefined) socket.unshift(first);
    const tcp = chain.clusterFromSni
      ? { ...terminal.chain, cluster: () => downstream.sni ?? terminal.chain.cluster() }
      : terminal.chain;
    proxyTcp(
      { runtime, chain: tcp, chainName: chain.name, downstream, direction: listener.compiled.direction },
      socket,
    );
  }

  function deny(chain: FilterChain, socket: Socket, downstream: Downstream, policy: string | undefined) {
    socket.on("error", () => {});
    socket.destroy();
    const { terminal } = chain;
    const facts = newFacts(runtime.now(), downstream, chain.name, undefined);
    if (terminal.kind === "tcp") facts.cluster = terminal.chain.cluster();
    facts.connectionTerminationDetails = `rbac_access_denied_matched_policy[${policy ?? "none"}]`;
    facts.ended = facts.started;
    for (const log of terminal.chain.accessLogs) {
      const line = log(facts);
      if (line !== undefined) runtime.log(line);
    }
  }

  function serveHttp(
    chainName: string,
    chain: HttpChain,
    socket: Socket,
    first: Buffer | undefined,
    downstream: Downstream,
  ) {
    const httpStats = runtime.httpStats(chain.statPrefix);
    httpStats.downstream_cx_total++;
    httpStats.downstream_cx_active++;
    socket.once("close", () => {
      httpStats.downstream_cx_active--;
      httpStats.downstream_cx_destroy++;
    });
    const connection: HttpConnection = {
      runtime,
      chain,
      chainName,
      stats: httpStats,
      downstream,
      direction: listener.compiled.direction,
      xfcc: xfccElement(chain.xfcc, downstream),
    };
    if (chain.codec === "http2" || downstream.tls?.alpn === "h2")
      return serveAs(2, connection, socket, first);
    if (chain.codec === "http1" || downstream.tls?.alpn?.startsWith("http/1")) {
      return serveAs(1, connection, socket, first);
    }
    sniff(socket, first, (bytes, isHttp2) => serveAs(isHttp2 ? 2 : 1, connection, socket, bytes));
  }

  function serveAs(version: 1 | 2, connection: HttpConnection, socket: Socket, first: Buffer | undefined) {
    const { chain, stats: httpStats } = connection;
    carries = "http";
    const exchange = startExchange.bind(undefined, connection);
    if (version === 2) {
      httpStats.downstream_cx_http2_total++;
      if (first !== undefined) socket.unshift(first);
      served = serveHttp2(socket, {
        maxConcurrentStreams: chain.maxConcurrentStreams,
        maxHeaderBytes: chain.limits.maxBytes,
        maxHeaderCount: chain.limits.maxCount,
        idleTimeout: chain.idleTimeout,
        startExchange: exchange,
        onProtocolError() {
          httpStats.downstream_cx_protocol_error++;
        },
        after: runtime.after,
      });
    } else {
      httpStats.downstream_cx_http1_total++;
      served = serveHttp1(socket, first, {
        limits: chain.limits,
        acceptHttp10: chain.acceptHttp10,
        scheme: connection.downstream.tls === undefined ? "http" : "https",
        idleTimeout: chain.idleTimeout,
        startExchange: exchange,
        isDraining: () => runtime.isDraining() || runtime.isLeaving(),
        refusalHeaders: () => `date: ${httpDate(runtime.now())}\r\nserver: ${chain.serverName}\r\n`,
        onRefusal(refusal, bytes, isExchange) {
          httpStats.downstream_cx_protocol_error++;
          if (!isExchange) logRefusal(connection, refusal, bytes);
        },
        after: runtime.after,
      });
      socket.resume();
    }
    if (ending !== "no") served.dismiss();
    if (runtime.isDraining()) served.drain();
  }

  function refuse(
    socket: Socket,
    downstream: Downstream,
    flag: "NR" | undefined,
    because: string,
    chainName = "",
  ) {
    socket.on("error", () => {});
    socket.destroy();
    logConnection(downstream, chainName, flag, because);
  }

  function logConnection(downstream: Downstream, chainName: string, flag: "NR" | undefined, because: string) {
    const { accessLogs } = listener.compiled;
    if (accessLogs.length === 0) return;
    const facts = newFacts(runtime.now(), downstream, chainName, undefined);
    if (flag !== undefined) facts.flags.push(flag);
    facts.details = because;
    // Without a chain there was no connection to be ended.
    if (flag === undefined) facts.connectionTerminationDetails = because;
    facts.ended = facts.started;
    for (const log of accessLogs) {
      const line = log(facts);
      if (line !== undefined) runtime.log(line);
    }
  }
}

/** Waits until it is clear whether the client speaks HTTP/2 without having said so. */
function sniff(
  socket: Socket,
  first: Buffer | undefined,
  onKnown: (bytes: Buffer | undefined, isHttp2: boolean) => void,
): void {
  let bytes = first;
  const known = bytes === undefined ? undefined : isHttp2Preface(bytes);
  if (known !== undefined) {
    onKnown(bytes, known);
    return;
  }
  const leave = () => {
    socket.off("data", onData);
    socket.off("end", onGone);
    socket.off("error", onGone);
  };
  const onGone = () => {
    leave();
    socket.on("error", () => {});
    socket.destroy();
  };
  const onData = (chunk: Buffer) => {
    bytes = bytes === undefined ? chunk : Buffer.concat([bytes, chunk]);
    const answer = isHttp2Preface(bytes);
    if (answer === undefined) return;
    leave();
    socket.pause();
    onKnown(bytes, answer);
  };
  socket.on("data", onData);
  socket.on("end", onGone);
  socket.on("error", onGone);
}

/** IPv4 addresses as themselves, not mapped into IPv6. */
function plainAddress(address: string | undefined): string {
  return address === undefined ? "" : address.replace(/^::ffff:/, "");
}
