import type { Socket } from "node:net";
import type { Destination, ProxyNetwork } from "../contracts.ts";
import type { ResetReason } from "../http/codec.ts";
import { type ClientTls, connectTls } from "../tls/connect-tls.ts";
import { destroyWrapped } from "../tls/destroy-wrapped.ts";
import type { ClusterConfig } from "./compile-cluster.ts";
import type { Host } from "./host.ts";
import type { ClusterStats } from "./stats.ts";
import { proxyHeader } from "./upstream-proxy-protocol.ts";

/** What reaching a host needs. */
export interface Dialler {
  readonly network: ProxyNetwork;
  readonly config: ClusterConfig;
  readonly stats: ClusterStats;
  /** Connections that this cluster has, for its circuit breaker: those of one that it replaced don't count. */
  readonly circuit: { connections: number };
  after(delay: number, action: () => void): () => void;
}

/** A connection that was made. */
export interface Established {
  readonly socket: Socket;
  readonly alpn: string | undefined;
  /** SPIFFE ids of the host and of ourselves; undefined on plain text. */
  readonly peer: string | undefined;
  readonly own: string | undefined;
}

export interface ConnectOutcome {
  connected(established: Established): void;
  failed(reason: ResetReason, detail: string): void;
}

/** The client's connection that a connection is made for, as a PROXY header tells it. */
export interface Carried {
  readonly source: Destination;
  readonly destination: Destination;
}

/**
 * Connects to a host, with TLS when the host's transport socket wants it, within the cluster's connect timeout.
 * Where connections begin with a PROXY header, it tells the addresses of the one that is `carried`, else its own.
 * Exactly one callback is called, once. The returned function gives up; then none is called any more.
 */
export function connectHost(
  dialler: Dialler,
  host: Host,
  alpn: readonly string[] | undefined,
  sni: string | undefined,
  outcome: ConnectOutcome,
  carried?: Carried,
): () => void {
  const { config, stats, network } = dialler;
  stats.upstream_cx_total++;
  stats.upstream_cx_active++;
  dialler.circuit.connections++;
  host.stats.cxTotal++;
  host.stats.cxActive++;
  const socket = network.dial({ address: host.address, port: host.port }, config.bindAddress);
  socket.allowHalfOpen = true;
  socket.setNoDelay(true);
  if (config.probeAfter !== undefined) socket.setKeepAlive(true, config.probeAfter);
  let settled = false;
  const settle = () => {
    settled = true;
    cancelTimer();
    socket.off("error", onError);
    socket.off("close", onClose);
  };
  const fail = (reason: ResetReason, detail: string) => {
    if (settled) return;
    settle();
    if (host.tls === undefined) socket.destroy();
    else destroyWrapped(socket);
    stats.upstream_cx_connect_fail++;
    host.stats.cxConnectFail++;
    outcome.failed(reason, detail);
  };
  const onError = (reason: NodeJS.ErrnoException) =>
    fail("remote connection failure", `delayed connect error: ${describe(reason)}`);
  const onClose = () => fail("remote connection failure", "connection closed");
  const cancelTimer = dialler.after(config.connectTimeout, () => {
    stats.upstream_cx_connect_timeout++;
    fail("connection timeout", "");
  });
  socket.on("error", onError);
  // Between the ends of one owner and the next no error may go unheard.
  socket.on("error", noop);
  socket.on("close", onClose);
  socket.once("close", () => {
    stats.upstream_cx_active--;
    dialler.circuit.connections--;
    stats.upstream_cx_destroy++;
    host.stats.cxActive--;
  });
  const done = (established: Established) => {
    if (settled) {
      established.socket.destroy();
      return;
    }
    settle();
    outcome.connected(established);
  };
  const { tls } = host;
  const plain = () => done({ socket, alpn: undefined, peer: undefined, own: undefined });
  if (config.proxyHeader !== undefined) {
    const version = config.proxyHeader;
    socket.once("connect", () => {
      if (settled) return;
      const source = { address: socket.localAddress ?? "", port: socket.localPort ?? 0 };
      const own = { source, destination: { address: host.address, port: host.port } };
      const told = carried ?? own;
      socket.write(proxyHeader(version, told.source, told.destination));
      if (tls === undefined) plain();
      else handshake(tls);
    });
  } else if (tls === undefined) socket.once("connect", plain);
  else handshake(tls);

  function handshake(tls: ClientTls) {
    const name = sni ?? tls.sni;
    const on: Parameters<typeof connectTls>[5] = {
      secured(secure, peer) {
        stats.ssl_handshake++;
        const agreed = typeof secure.alpnProtocol === "string" ? secure.alpnProtocol : undefined;
        done({
          socket: secure,
          alpn: agreed,
          peer: peer?.uris[0],
          own: tls.settings.ownCertificate()?.uris[0],
        });
      },
      failed(detail) {
        if (settled) return;
        stats.ssl_connection_error++;
        if (detail.includes("CERTIFICATE_VERIFY_FAILED")) stats.ssl_fail_verify++;
        // A refused TCP connection comes out of the TLS socket as well; then it is no TLS error.
        const refused = /connect (E[A-Z]+)/.exec(detail);
        fail(
          "remote connection failure",
          refused === null ? detail : `delayed connect error: ${errnoText(refused[1] ?? "")}`,
        );
      },
    };
    const verified = config.autoSanValidation ? sni : undefined;
    connectTls(socket, tls, alpn ?? tls.settings.alpn, name, host.session, on, verified);
  }
  return () => {
    if (settled) return;
    settle();
    socket.destroy();
  };
}

function describe(reason: NodeJS.ErrnoException): string {
  return reason.code === undefined ? reason.message : errnoText(reason.code);
}

function errnoText(code: string): string {
  const texts: Readonly<Record<string, string>> = {
    ECONNREFUSED: "Connection refused",
    ECONNRESET: "Connection reset by peer",
    EHOSTUNREACH: "No route to host",
    ENETUNREACH: "Network is unreachable",
    ETIMEDOUT: "Connection timed out",
    EADDRNOTAVAIL: "Cannot assign requested address",
  };
  return texts[code] ?? code;
}

const noop = () => {};
