import type { KubeClient } from "../kube/index.ts";

/** A pod of the mesh. */
export interface PodRef {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** One answer, or why there was none. */
export interface Answer {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly milliseconds: number;
  readonly failure?: string;
}

/** What one TLS handshake with an address ended in. `isReached`: somebody took the connection at all. */
export interface Handshake {
  readonly isReached: boolean;
  readonly accepted: boolean;
  readonly detail: string;
}

/** What a backend's own sidecar has counted so far. */
export interface Arrivals {
  readonly requests: number;
  /** Of them over mutual TLS. Absent: only the caller's proxy can tell. */
  readonly mutual?: number;
}

/** A service as callers name it, and the port that they call. */
export interface CalledService {
  readonly name: string;
  readonly namespace: string;
  readonly port: number;
}

/** The mesh as verify sees it; implemented for the embedded engine, and for real clusters through probe pods. */
export interface VerifyTarget {
  readonly clusters: readonly {
    readonly name: string;
    readonly network: string | undefined;
    readonly client: KubeClient;
  }[];
  /**
   * GETs of `url` one after another from inside the pod, through its sidecar, each on a connection of its own. Never
   * rejects but for abort.
   */
  requests(from: PodRef, url: string, count: number, signal: AbortSignal): Promise<readonly Answer[]>;
  /** Requests for the service that the pod's own sidecar has handed to the app, on `port` of the pod. */
  arrivals(to: PodRef, port: number, service: CalledService, signal: AbortSignal): Promise<Arrivals>;
  /** How long after an answer its request may not be counted yet, in milliseconds. Absent: it is counted before. */
  readonly countsLag?: number;
  /** Whether every connection that the pod's proxy made to the service was mutual TLS; where arrivals don't tell. */
  speaksMutualTls?(from: PodRef, service: CalledService, signal: AbortSignal): Promise<boolean>;
  /** Whether requests can be sent from the pod. Absent: from any with a sidecar. */
  canCall?(pod: PodRef, signal: AbortSignal): Promise<boolean>;
  /** A pod to call from where there is none; undefined when none can be made. */
  makeCaller?(cluster: string, namespace: string, signal: AbortSignal): Promise<PodRef | undefined>;
  /**
   * Why nothing about the mesh can be shown at a port of the pod: "nothing listens on port 80". Undefined when a program
   * in the pod takes connections there.
   */
  silence(pod: PodRef, port: number, signal: AbortSignal): Promise<string | undefined>;
  /** A TLS handshake from outside: with a client certificate of an unknown root, and with or without a server name. */
  handshake(
    to: { readonly address: string; readonly port: number },
    options: { readonly serverName?: string; readonly foreignCertificate: boolean },
    signal: AbortSignal,
  ): Promise<Handshake>;
}

/** How requests from one cluster to one service were shared out. */
export interface Cell {
  readonly from: PodRef;
  readonly sent: number;
  readonly failed: number;
  /** First failure's text, when there was one. */
  readonly failure?: string;
  /** Requests that each group of backends really received, counted at the backends' own proxies. */
  readonly shares: readonly Share[];
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Whether all of it was mutual TLS. */
  readonly mtls: boolean;
  /** What the verdict rests on, in a sentence. */
  readonly evidence: string;
}

export interface Share {
  /** "v1 (fra)" */
  readonly group: string;
  readonly cluster: string;
  readonly received: number;
  readonly pods: number;
  /** "local", or "gateway" when it crossed networks. */
  readonly path: "local" | "gateway";
}

export interface ServiceReport {
  readonly service: string;
  readonly url: string;
  readonly cells: readonly Cell[];
  readonly problems: readonly string[];
}

/** A check beside the traffic matrix, with its evidence. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly evidence: string;
}

/** A cluster whose API gave no answer, and so proves nothing. */
export interface UnreachableCluster {
  readonly cluster: string;
  readonly reason: string;
}

export interface VerifyReport {
  readonly ok: boolean;
  /** Absent: all could be asked. */
  readonly unreachable?: readonly UnreachableCluster[];
  readonly requestsPerCell: number;
  readonly services: readonly ServiceReport[];
  readonly checks: readonly Check[];
  /** What was left out and why: never silently. */
  readonly skipped: readonly string[];
  readonly milliseconds: number;
}
