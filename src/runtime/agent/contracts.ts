import type { Socket } from "node:net";
import type { Clock, Logger, Signal, Stop } from "../../base/index.ts";
import type { Node } from "../../xds/gen/envoy/config/core/v3/base_pb.js";
import type { Secret } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { NameTable } from "../../xds/gen/istio/networking/nds/v1/nds_pb.js";
import type { GrpcStream } from "../../xds/index.ts";
import type { ContainerUse, Destination } from "../contracts.ts";

/**
 * Hands out what SDS calls secrets: "default" (the workload's key and chain) and "ROOTCA" (who is trusted). `get`
 * never waits and returns the newest; listeners run after `get` already does. Keys are never logged.
 */
export interface AgentSecrets {
  get(name: string): Secret | undefined;
  onChange(name: string, listener: () => void, signal: AbortSignal): void;
}

/** What the agent gives the proxy that it runs. */
export interface ProxyStartOptions {
  readonly node: Node;
  /** Opens a delta ADS stream to discovery; rejects when it can't be reached. The proxy tries again by itself. */
  openAds(signal: AbortSignal): Promise<GrpcStream>;
  readonly secrets: AgentSecrets;
  readonly network: {
    /** The pod's own. */
    readonly address: string;
    /** `source` "127.0.0.6" reaches the pod's own app; without it the pod's own address is like any other. */
    dial(to: Destination, source?: string): Socket;
    /** Whether a program that binds the pod's address reaches `to` without `dial`. */
    isDirect(to: Destination): boolean;
    listen(port: number, onConnection: (socket: Socket) => void): Promise<Stop>;
    resolve(host: string): Promise<readonly string[]>;
  };
  /** Appends a line to the container's log. */
  accessLog(line: string): void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** What the admin interface answers. */
export interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/**
 * A running proxy as the agent needs it. Whatever takes connections by their original destination and is configured
 * through xDS alone can be one: the built-in proxy in this process, or a real Envoy behind the same methods, whose
 * bootstrap then names this agent for SDS and ADS.
 */
export interface AgentProxy {
  acceptOutbound(socket: Socket, originalDestination: Destination): void;
  acceptInbound(socket: Socket, originalDestination: Destination): void;
  readonly state: { readonly ready: boolean; readonly connected: boolean };
  /** Told when `state` or the name table changed. */
  readonly changes: Signal;
  readonly nameTable: NameTable | undefined;
  /** Resolves when the proxy has ended, by itself too; `stop` then only tidies up. Absent: it ends by `stop` alone. */
  readonly exited?: Promise<{ readonly exitCode: number; readonly signal?: string }>;
  /** What it uses, when it can be told apart from the engine. */
  readonly use?: ContainerUse;
  admin(path: string, query: URLSearchParams, method: string): AdminAnswer | Promise<AdminAnswer>;
  /** Leads clients elsewhere (GOAWAY, Connection: close) while it goes on serving, new connections included. */
  drain(): void;
  /** See RunningContainer. */
  readonly leaveTime?: number;
  stop(drainMs: number): Promise<void>;
}

/** Starts a proxy. A rejection is a container that could not be started. */
export type StartProxy = (options: ProxyStartOptions) => AgentProxy | Promise<AgentProxy>;
