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

/** What one TLS handshake with an address ended in. */
export type Handshake = { readonly accepted: boolean; readonly detail: string };

/** The mesh as verify sees it; implemented for the embedded engine, and for real clusters through probe pods. */
export interface VerifyTarget {
  readonly clusters: readonly {
    readonly name: string;
    readonly network: string | undefined;
    readonly client: KubeClient;
  }[];
  /** One GET of `url` from inside the pod, through its sidecar, on a connection of its own. Never rejects but for abort. */
  request(from: PodRef, url: string, signal: AbortSignal): Promise<Answer>;
  /** The counters of the pod's proxy by name, as its admin interface has them under /stats. */
  proxyStats(pod: PodRef, signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  /** Whether a program in the pod listens on the port: without one nothing about the mesh can be shown there. */
  listens(pod: PodRef, port: number, signal: AbortSignal): Promise<boolean>;
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
  /** Whether every connection that left the client's proxy for this service was mutual TLS. */
  readonly mtls: boolean;
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

export interface VerifyReport {
  readonly ok: boolean;
  readonly requestsPerCell: number;
  readonly services: readonly ServiceReport[];
  readonly checks: readonly Check[];
  /** What was left out and why: never silently. */
  readonly skipped: readonly string[];
  readonly milliseconds: number;
}
