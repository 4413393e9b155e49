import type { Socket } from "node:net";
import type { Logger, Stop } from "../base/index.ts";
import type { Container, KubeClient, Pod } from "../kube/index.ts";

/** An IP address and a TCP port. */
export interface Destination {
  readonly address: string;
  readonly port: number;
}

/**
 * The network as one pod sees it. Every connection that leaves or enters a pod goes through here, so that
 * networks that can't reach each other really don't: a dial to a pod of another network never connects.
 */
export interface PodNetwork {
  readonly cluster: string;
  /** The pod's address, for example "127.16.0.9". */
  readonly address: string;
  /**
   * Opens a connection from this pod, source address included; the socket emits "connect" or "error" as
   * net.Socket does. Past the sidecar: nothing is intercepted. A destination of the pod itself (its own address
   * or 127.0.0.1) reaches the app, as if the source were 127.0.0.6.
   */
  dial(to: Destination): Socket;
  /** Binds a port of the pod's address, past interception (proxy listeners, the agent). EADDRINUSE rejects. */
  listen(port: number, onConnection: (socket: Socket) => void): Promise<Stop>;
  /** Addresses of a host name as pods of this cluster and namespace resolve it; empty when unknown. */
  resolve(host: string): Promise<readonly string[]>;
  /** Where the app of this pod must listen so that connections to the pod's `port` reach it. */
  appAddress(port: number): Destination;
  /** Owns podAddress:port from now on and leads connections to the app, through the sidecar when there is one. */
  exposeAppPort(port: number): Promise<void>;
  /** Environment by which ordinary programs in the pod use the interception: http_proxy, ALL_PROXY, NO_PROXY … */
  readonly environment: Readonly<Record<string, string>>;
  /** From now on the app's outbound and inbound connections go through the sidecar; undefined takes it out again. */
  intercept(sidecar: Interceptor | undefined): void;
}

/** A sidecar as the dispatcher sees it: iptables' stand-in hands it connections with their original destination. */
export interface Interceptor {
  acceptOutbound(socket: Socket, originalDestination: Destination): void;
  acceptInbound(socket: Socket, originalDestination: Destination): void;
  /** The name table that discovery sent, when DNS capture is on: host to addresses. Looked at before cluster DNS. */
  lookup?(host: string): readonly string[] | undefined;
}

/** What one container gets to run with. */
export interface ContainerContext {
  readonly cluster: string;
  readonly pod: Pod;
  readonly container: Container;
  /** Everything resolved: env, envFrom, fieldRef, service variables, HOSTNAME. */
  readonly env: Readonly<Record<string, string>>;
  readonly network: PodNetwork;
  /** Content of the volumes mounted below `path`, by file name relative to it (configMap, secret, projected, downwardAPI). */
  readMount(path: string): Promise<ReadonlyMap<string, Buffer>>;
  /** A bound token of the pod's service account for `audience`; renewed by asking again. */
  token(audience: string): Promise<{ readonly token: string; readonly expiresAt: number }>;
  /** Appends a line to the container's log, as `kubectl logs` shows it. */
  log(line: string): void;
  /** For events of the stand-in itself, into the engine's log. */
  readonly logger: Logger;
  /** Kubernetes API of the pod's cluster as the pod's service account. */
  readonly client: KubeClient;
  /** Folder on disk that is this container's alone, made on first use and removed with the pod. */
  scratch(): Promise<string>;
}

export interface RunningContainer {
  /** Resolves when the container has ended, by itself or after `stop`. Never rejects. */
  readonly exited: Promise<{ readonly exitCode: number; readonly signal?: string }>;
  /** Ends it as SIGTERM does, and as SIGKILL after `graceSeconds`. */
  stop(graceSeconds: number): Promise<void>;
  /** Absent: ready as soon as it runs. Otherwise asked beside the container's own readiness probe. */
  readonly isReady?: () => boolean;
}

/** A program that stands in for a container image. */
export interface StandIn {
  readonly name: string;
  /** `image` without registry, tag and digest: "examples-helloworld-v1" for "docker.io/istio/examples-helloworld-v1:1.0". */
  matches(imageName: string): boolean;
  /** Ports that the program listens on although the manifest names none. */
  readonly ports?: readonly number[];
  start(context: ContainerContext): Promise<RunningContainer>;
}

/** Byte streams of an exec or attach session. */
export interface ExecStreams {
  readonly stdin?: AsyncIterable<Uint8Array>;
  stdout(chunk: Uint8Array): void;
  stderr(chunk: Uint8Array): void;
  readonly tty: boolean;
  /** Terminal sizes as the client reports them, first one first. */
  readonly resizes?: AsyncIterable<{ readonly width: number; readonly height: number }>;
}

export interface LogOptions {
  readonly follow?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  readonly sinceTime?: string;
  readonly timestamps?: boolean;
  readonly limitBytes?: number;
  /** Of the previous run of the container. */
  readonly previous?: boolean;
}
