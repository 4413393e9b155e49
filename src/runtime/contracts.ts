import type { Socket } from "node:net";
import type { Clock, Logger, Signal, Stop } from "../base/index.ts";
import type { DnsAnswer, DnsQuestion } from "../dns/index.ts";
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
   * or 127.0.0.1) reaches the app, as if the source were 127.0.0.6; its own address with `source` the same
   * address leads to the pod's inbound side instead, as for any other client.
   */
  dial(to: Destination, source?: string): Socket;
  /**
   * Whether a program that binds the pod's address reaches `to` without `dial`. False for what is not on loopback and
   * for ports that this user may not bind, which are found elsewhere.
   */
  isDirect(to: Destination): boolean;
  /**
   * Opens a connection as the pod's app does: the name is resolved in the pod, and the sidecar gets the connection
   * when it intercepts. Resolves with a connected socket; rejects as net.Socket's errors do, ENOTFOUND included.
   */
  connect(host: string, port: number): Promise<Socket>;
  /** Binds a port of the pod's address, past interception (proxy listeners, the agent). EADDRINUSE rejects. */
  listen(port: number, onConnection: (socket: Socket) => void): Promise<Stop>;
  /** Addresses of a host name as pods of this cluster and namespace resolve it; empty when unknown. */
  resolve(host: string): Promise<readonly string[]>;
  /** The same as the pod's app sees it: names that the sidecar captures come first. */
  lookup(host: string): Promise<readonly string[]>;
  /** Answers a DNS question of the pod's app: by the sidecar when it captures the name, else by the cluster's DNS. */
  answer(question: DnsQuestion): Promise<DnsAnswer>;
  /** Where the app of this pod must listen so that connections to the pod's `port` reach it. */
  appAddress(port: number): Destination;
  /** Owns podAddress:port from now on and leads connections to the app, through the sidecar when there is one. */
  exposeAppPort(port: number): Promise<void>;
  /**
   * Environment by which ordinary programs in the pod use the interception: http_proxy, ALL_PROXY, NO_PROXY …
   * localhost is not left out: it means the pod, and leads to its app and its proxy's ports.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** From now on the app's outbound and inbound connections go through the sidecar; undefined takes it out again. */
  intercept(sidecar: Interceptor | undefined): void;
}

/** A sidecar as the dispatcher sees it: iptables' stand-in hands it connections with their original destination. */
export interface Interceptor {
  acceptOutbound(socket: Socket, originalDestination: Destination): void;
  acceptInbound(socket: Socket, originalDestination: Destination): void;
  /**
   * Answers a DNS question when DNS capture is on, asked before the cluster's DNS; undefined for names that the
   * sidecar leaves to it.
   */
  answer?(question: DnsQuestion): DnsAnswer | undefined;
}

/** What one container gets to run with. */
export interface ContainerContext {
  readonly cluster: string;
  readonly pod: Pod;
  /** With $(VAR) already replaced in command and args. */
  readonly container: Container;
  /** Everything resolved: env, envFrom, fieldRef, service variables, HOSTNAME. */
  readonly env: Readonly<Record<string, string>>;
  readonly network: PodNetwork;
  /**
   * Content of the volumes mounted at or below `path`, or of the folder `path` of a volume, by file name relative
   * to `path` (configMap, secret, projected, downwardAPI). Read anew at each call.
   */
  readMount(path: string): Promise<ReadonlyMap<string, Buffer>>;
  /** A bound token of the pod's service account for `audience`; renewed by asking again. */
  token(audience: string): Promise<{ readonly token: string; readonly expiresAt: number }>;
  /** Appends a line to the container's log, as `kubectl logs` shows it. */
  log(line: string): void;
  /** Appends output that may end in the middle of a line, as programs write it. */
  write(stream: "stdout" | "stderr", chunk: Uint8Array): void;
  /** For events of the stand-in itself, into the engine's log. */
  readonly logger: Logger;
  /** Kubernetes API of the pod's cluster as the pod's service account. */
  readonly client: KubeClient;
  /** Folder on disk that is this container's alone, made on first use and removed with the pod. */
  scratch(): Promise<string>;
  /** For containers that are programs of the host. */
  readonly programs: ProgramContext;
}

/** Where and with what the programs of one container run, be they the container itself or `kubectl exec`'s. */
export interface ProgramContext {
  /**
   * The whole environment of a program: the container's variables, `more` over them, the network's, and nothing of
   * the engine's own. The small programs for pods (getent, nslookup …) come first on its PATH.
   */
  env(more?: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>>;
  /** Working directory. */
  scratch(): Promise<string>;
  /** The command with paths below the container's mounts turned into paths of real files, which exist afterwards. */
  withRealFiles(command: readonly string[]): Promise<readonly string[]>;
  /** Writes all of the container's mounts as real files, below the folder that ISTHMUS_ROOT names. */
  writeFiles(): Promise<void>;
}

export interface RunningContainer {
  /** Resolves when the container has ended, by itself or after `stop`. Never rejects. */
  readonly exited: Promise<{ readonly exitCode: number; readonly signal?: string }>;
  /**
   * Called when the pod is being deleted, some time before `stop`: whoever carries requests for others leads its
   * clients elsewhere and goes on serving meanwhile.
   */
  drain?(): void;
  /** Milliseconds from `drain` until all of those clients know, at most. Absent: it is not known, and the usual time is given. */
  readonly leaveTime?: number;
  /** Ends it as SIGTERM does, and as SIGKILL after `graceSeconds`. */
  stop(graceSeconds: number): Promise<void>;
  /** Absent: ready as soon as it runs. Otherwise asked beside the container's own readiness probe. */
  readonly isReady?: () => boolean;
  /** Told when `isReady` may answer differently; without it, `isReady` is asked again and again. */
  readonly changes?: Signal;
  /** What it uses. Absent: it lives in the engine's process and measures nothing of its own. */
  readonly use?: ContainerUse;
  /** Takes what `kubectl attach -i` types. Absent: nobody reads standard input. */
  readonly input?: { write(chunk: Uint8Array): void; end(): void };
}

/** Where the use of a running container can be read. */
export interface ContainerUse {
  /** Milliseconds of processor time since its start, of what runs within the engine's process. */
  cpuTime?(): number;
  /** The groups of processes that run for it now. */
  processGroups?(): readonly number[];
}

/** What one container uses. */
export interface ContainerUsage {
  readonly name: string;
  /** Processors kept busy, on average over the window: 0.25 is a quarter of one. */
  readonly cpu: number;
  /** Processor time since it started. */
  readonly cpuSeconds: number;
  /** Bytes. */
  readonly memory: number;
}

/** What a pod's running containers use. */
export interface PodUsage {
  readonly pod: PodName;
  /** The end of the window, and its length, in milliseconds. */
  readonly timestamp: number;
  readonly window: number;
  readonly containers: readonly ContainerUsage[];
}

/** A program that stands in for a container image. */
export interface StandIn {
  readonly name: string;
  /** `image` without registry, tag and digest: "examples-helloworld-v1" for "docker.io/istio/examples-helloworld-v1:1.0". */
  matches(imageName: string, container: Container): boolean;
  /** Ports that the program listens on although the manifest names none. */
  readonly ports?: readonly number[];
  /**
   * True for proxies and agents: their ports are bound on the pod's own address (PodNetwork.listen), so they are
   * never exposed as an app's.
   */
  readonly onPodAddress?: boolean;
  /**
   * Resolves once the program runs; what it waits for afterwards is its readiness. A rejection is a container
   * that could not be started, and its message is shown to the user.
   */
  start(context: ContainerContext): Promise<RunningContainer>;
}

/** A command of the user's that stands in for images (the mesh file's `images`). */
export interface ImageCommand {
  /** {host}, {port}, {pod}, {cluster} and {namespace} stand for what they say in each word. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Working directory, usually the mesh file's folder; absent: a folder of the container's own. */
  readonly cwd?: string;
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

export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/** One node to register and to run pods for. */
export interface NodeSpec {
  readonly name: string;
  /** InternalIP, and the source of probes. */
  readonly address: string;
  /** Labels beside the usual ones (hostname, os, arch): region, zone and whatever the user wants. */
  readonly labels: Readonly<Record<string, string>>;
  /** Kubernetes quantities by resource, over the defaults: { cpu: "8", "nvidia.com/gpu": "1" }. */
  readonly capacity: Readonly<Record<string, string>>;
}

/** A pod's place in the network. `release` gives the address back after everything of the pod has ended. */
export interface PodAttachment {
  readonly network: PodNetwork;
  release(): Promise<void>;
}

/** Who a pod is for the Kubernetes API: a service account, as authentication of its token gives it. */
export interface ServiceAccountUser {
  readonly name: string;
  readonly groups: readonly string[];
}

/** The cluster that a pod's content comes from, when it is not the one whose nodes run it. */
export interface PodHome {
  /** As a user that may do everything. */
  readonly client: KubeClient;
  clientAs(user: ServiceAccountUser): KubeClient;
  /** Where the API of that cluster is. */
  readonly apiService: Destination;
  /** The uid of the pod there: its tokens are bound to it. */
  readonly uid: string;
}

export interface NodesOptions {
  readonly cluster: string;
  /** As a user that may do everything (system:masters). */
  readonly client: KubeClient;
  /** Clients for the programs in pods. */
  clientAs(user: ServiceAccountUser): KubeClient;
  /**
   * Where the account, tokens, ConfigMaps and Secrets of a pod are; absent or undefined: in this cluster. Its place in the
   * network, Services and fields are those of this cluster in any case.
   */
  homeOf?(pod: Pod): PodHome | undefined;
  readonly nodes: readonly NodeSpec[];
  /** Asked in order, after `images`. The built-in ones come last. */
  readonly standIns: readonly StandIn[];
  /** Pattern of the image's last part (`*` stands for any text) to the command that stands in for it. */
  readonly images: ReadonlyMap<string, ImageCommand>;
  /** Gives the pod an address; the one in `pod.status.podIP` when there is one and it is free. */
  attachPod(pod: Pod): Promise<PodAttachment>;
  /** What pods get as KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  readonly apiService: Destination;
  /** Reported by the nodes, for example "1.33.1". */
  readonly kubernetesVersion: string;
  /** Folder for the pods' scratch folders and the small programs of `kubectl exec`; made when needed. */
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The running nodes of one cluster. Pods that are not running reject with an ApiError, texts as a kubelet's. */
export interface Runtime {
  /** The container's log; with `follow` until the container ends or `signal` aborts. */
  logs(pod: PodName, container: string, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Runs a program of the host in the pod's environment; killed, with all that it started, when `signal` aborts. */
  exec(
    pod: PodName,
    container: string,
    command: readonly string[],
    streams: ExecStreams,
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number }>;
  /** Joins the output of the running container until it ends or `signal` aborts. */
  attach(
    pod: PodName,
    container: string,
    streams: ExecStreams,
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number }>;
  /** A connection to a port of the pod, past the sidecar. */
  portForward(pod: PodName, port: number): Promise<Socket>;
  /** What the pods use, measured when asked. The first answer takes half a second. */
  usage(): Promise<readonly PodUsage[]>;
  /** Ends all containers, SIGKILL after `graceSeconds` (default 1), and leaves the objects as they are. */
  stop(graceSeconds?: number): Promise<void>;
}
