import type { Socket } from "node:net";
import type { Clock, Logger, Signal, Stop } from "../base/index.ts";
import type { Node } from "../xds/gen/envoy/config/core/v3/base_pb.js";
import type { Secret } from "../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { NameTable } from "../xds/gen/istio/networking/nds/v1/nds_pb.js";
import type { GrpcStream } from "../xds/index.ts";

/** An IP address and a TCP port. */
export interface Destination {
  readonly address: string;
  readonly port: number;
}

/** How a proxy reaches the world; implemented by the pod's network. */
export interface ProxyNetwork {
  /**
   * A socket that is connecting: it emits "connect" or "error". `source` is the address that the cluster binds
   * (upstream_bind_config): "127.0.0.6" marks what the proxy itself lets in, so that the pod's own address then
   * reaches the app. Without it, the pod's own address leads to the pod's inbound side, as for any other client.
   */
  dial(to: Destination, source?: string): Socket;
  /** Binds a port of the pod's address. */
  listen(port: number, onConnection: (socket: Socket) => void): Promise<Stop>;
  resolve(host: string): Promise<readonly string[]>;
}

/**
 * Hands out what SDS calls secrets: "default" (key and chain) and "ROOTCA" (validation context) from the
 * agent. `get` never waits; listeners run after `get` already returns the new one.
 */
export interface SecretSource {
  get(name: string): Secret | undefined;
  onChange(name: string, listener: () => void, signal: AbortSignal): void;
}

export interface ProxyOptions {
  /** Sent to discovery on the first request of every stream. */
  readonly node: Node;
  /** Opens a delta ADS stream; rejects when the control plane can't be reached. The proxy retries with back-off. */
  openAds(signal: AbortSignal): Promise<GrpcStream>;
  readonly secrets: SecretSource;
  readonly network: ProxyNetwork;
  /** A line for the pod's log (access log to /dev/stdout). */
  accessLog(line: string): void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Counters and facts for status pages and /stats. */
export interface ProxyState {
  /** Whether the first complete configuration (clusters, endpoints, listeners, routes) was taken. */
  readonly ready: boolean;
  readonly connected: boolean;
  /** Last version that was accepted and last error that was sent as NACK, by type URL. */
  readonly types: ReadonlyMap<
    string,
    { readonly version: string; readonly nonce: string; readonly rejected?: string }
  >;
}

/**
 * One running proxy, configured only through xDS: it keeps its last good configuration when the control
 * plane is away, and NACKs what it can't accept.
 */
export interface Proxy {
  /** A connection of the pod's app to `originalDestination`, as iptables would hand it to 15001. */
  acceptOutbound(socket: Socket, originalDestination: Destination): void;
  /** A connection that came to the pod, as iptables would hand it to 15006. */
  acceptInbound(socket: Socket, originalDestination: Destination): void;
  readonly state: ProxyState;
  /** Told when `state` or the configuration changed. */
  readonly changes: Signal;
  readonly use: {
    /** Milliseconds of processor time since its start, as far as they can be told apart in a shared process. */
    cpuTime(): number;
  };
  /** The last name table, when discovery sent one. */
  readonly nameTable: NameTable | undefined;
  /** Answers the admin interface: /config_dump, /clusters, /stats, /stats/prometheus, /ready, /certs, /listeners, /server_info. */
  admin(
    path: string,
    query: URLSearchParams,
    method: string,
  ): { readonly status: number; readonly contentType: string; readonly body: string };
  /** Leads clients elsewhere (GOAWAY, Connection: close) while it goes on serving, new connections included. */
  drain(): void;
  /** Takes no new connections, lets running ones finish for `drainMs`, then closes all. */
  stop(drainMs: number): Promise<void>;
}
