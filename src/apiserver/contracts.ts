import type { Socket } from "node:net";
import type { Clock, Logger, Stop } from "../base/index.ts";
import type { ApiTransport, KubeObject } from "../kube/index.ts";

/** Who makes a request, after authentication (Kubernetes UserInfo). */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/**
 * Byte streams of an exec or attach session. Writing gives a promise when the client is behind: a writer that
 * waits for it keeps little in memory; one that does not is cut off when far too much has piled up.
 */
export interface ExecStreams {
  readonly stdin?: AsyncIterable<Uint8Array>;
  stdout(chunk: Uint8Array): Promise<void> | undefined;
  stderr(chunk: Uint8Array): Promise<void> | undefined;
  readonly tty: boolean;
  readonly resizes?: AsyncIterable<{ readonly width: number; readonly height: number }>;
}

/** Which part of a container's log is wanted. */
export interface LogOptions {
  readonly follow?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  readonly sinceTime?: string;
  readonly timestamps?: boolean;
  readonly limitBytes?: number;
  readonly previous?: boolean;
}

/** What the API server needs of the nodes' kubelets. Pods that are not running reject with an ApiError (400/404/500). */
export interface PodConnector {
  logs(pod: PodName, container: string, options: LogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  exec(
    pod: PodName,
    container: string,
    command: readonly string[],
    streams: ExecStreams,
    signal: AbortSignal,
  ): Promise<{ exitCode: number }>;
  attach(
    pod: PodName,
    container: string,
    streams: ExecStreams,
    signal: AbortSignal,
  ): Promise<{ exitCode: number }>;
  /** A connection to a port of the pod, as kubelet's port-forward makes it: to the app, past the sidecar. */
  portForward(pod: PodName, port: number): Promise<import("node:net").Socket>;
  /** What the pods use, measured when it is called: for metrics.k8s.io. */
  usage(): Promise<readonly PodUsage[]>;
}

/** What a pod's running containers use. */
export interface PodUsage {
  readonly pod: PodName;
  /** The end of the window that processor time is an average of, and its length, in milliseconds. */
  readonly timestamp: number;
  readonly window: number;
  readonly containers: readonly ContainerUsage[];
}

/** What one container uses: processors kept busy (0.25 is a quarter of one) and bytes. */
export interface ContainerUsage {
  readonly name: string;
  readonly cpu: number;
  /** Processor time since it started. */
  readonly cpuSeconds: number;
  readonly memory: number;
}

/** A pod of this cluster. */
export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Where objects are kept across restarts. `append` is called in order with every committed change before
 * the request is acknowledged; `records` replays them at start. Absent: memory only.
 */
export interface ChangeLog {
  append(record: ChangeRecord): void;
  records(): Iterable<ChangeRecord>;
  /** Called when the API server has stopped; nothing is appended afterwards. */
  close?(): void;
}

/** One committed change: the object as stored under `path` ("/pods/sample/x"), or its removal. */
export interface ChangeRecord {
  readonly resourceVersion: number;
  readonly resource: string;
  readonly key: string;
  readonly object?: unknown;
}

/** Where an API server is reached. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** For an address that somebody else holds bound: hands over its connections until the stop. Absent: the server binds it. */
  accept?(onConnection: (socket: Socket) => void): Stop;
}

/** What one API server needs. Keys stay with it and are never logged. */
export interface ApiServerOptions {
  /** Name of the cluster, in logs and in the certificates' common name. */
  readonly cluster: string;
  readonly listen: ListenAddress;
  /** PEM. The serving certificate must name the host that clients dial, "kubernetes", "kubernetes.default.svc" and "localhost". */
  readonly tls: { readonly key: string; readonly cert: string };
  /** PEM of the CA whose client certificates are users (CN = name, O = groups). */
  readonly clientCa: string;
  /** PEM private key (EC P-256) that signs service account tokens. */
  readonly serviceAccountKey: string;
  /** Reported by /version, for example "1.33.1". */
  readonly kubernetesVersion: string;
  /** First three octets' base of the Service range: ClusterIPs are taken from `first`.."last` in order, by number. */
  readonly serviceRange: { readonly first: string; readonly last: string };
  readonly nodePortRange?: { readonly first: number; readonly last: number };
  readonly pods: PodConnector;
  readonly admissionPlugins?: readonly AdmissionPlugin[];
  /** Opens a connection to a webhook's or aggregated API's endpoint address. */
  dial(address: string, port: number): Socket;
  readonly changeLog?: ChangeLog;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * A step that completes new objects of one resource, after Kubernetes' own plugins and before the webhooks see them: for
 * what belongs to a cluster as Kubernetes' compiled-in plugins do. Pure; what it gives back is checked like any object.
 */
export interface AdmissionPlugin {
  /** As objects are stored: "pods", "deployments.apps". */
  readonly resource: string;
  complete(
    object: KubeObject,
    find: (resource: string, name: string, namespace?: string) => KubeObject | undefined,
  ): KubeObject;
}

/** A running API server of one cluster. */
export interface ApiServer {
  /** "https://127.16.0.1:6443" */
  readonly url: string;
  /** In-process way in, for `user`: the same requests as over HTTP, without sockets and without writing JSON out. */
  transport(user: User): ApiTransport;
  /**
   * The token for a Secret of type kubernetes.io/service-account-token. It has no end of its own: it counts while
   * account and Secret are there and the Secret holds it.
   */
  signServiceAccountToken(
    account: { readonly namespace: string; readonly name: string; readonly uid: string },
    secret: { readonly name: string },
  ): string;
  stop(): Promise<void>;
}
