import type { ClientTls, SessionSlot } from "../tls/connect-tls.ts";
import type { HttpPool } from "./http-pool.ts";

/** Envoy's health of an endpoint, as EDS says it. */
export type EdsHealth = "healthy" | "unhealthy" | "draining" | "degraded";

/** What outlier detection remembers of a host. */
export interface OutlierState {
  consecutive5xx: number;
  consecutiveGateway: number;
  consecutiveLocal: number;
  ejected: boolean;
  /** How often it was ejected lately; each time it stays out longer. */
  ejections: number;
  ejectedUntil: number;
}

/** One upstream endpoint of a cluster. Lives as long as its address is in the assignment; its pools drain after. */
export interface Host {
  readonly address: string;
  readonly port: number;
  /** "address:port". */
  readonly key: string;
  /** The host name that DNS gave the address for. */
  readonly hostname: string | undefined;
  /** When it joined the cluster, in milliseconds since 1970. */
  readonly joined: number;
  weight: number;
  health: EdsHealth;
  priority: number;
  /** "region/zone/subzone". */
  locality: string;
  localityWeight: number;
  /** Undefined: plain text. */
  tls: ClientTls | undefined;
  /** istio.workload of the endpoint's metadata: "workload;namespace;canonical name;revision;cluster". */
  workload: string | undefined;
  /** Endpoint metadata that chose the transport socket, as text: a change of it makes another host. */
  transportMatch: string;
  readonly session: SessionSlot;
  /** Requests (or TCP connections) running now: what least request compares. */
  active: number;
  readonly outlier: OutlierState;
  readonly pools: Map<string, HttpPool>;
  readonly stats: HostStats;
  removed: boolean;
}

export interface HostStats {
  cxTotal: number;
  cxActive: number;
  cxConnectFail: number;
  rqTotal: number;
  rqSuccess: number;
  rqError: number;
  rqTimeout: number;
}

export type HostFacts = Pick<
  Host,
  | "address"
  | "port"
  | "hostname"
  | "joined"
  | "weight"
  | "health"
  | "priority"
  | "locality"
  | "localityWeight"
  | "tls"
  | "workload"
> & { readonly transportMatch: string };

export function createHost(facts: HostFacts): Host {
  return {
    ...facts,
    key: hostKey(facts.address, facts.port),
    session: { session: undefined, peer: undefined, generation: -1 },
    active: 0,
    outlier: {
      consecutive5xx: 0,
      consecutiveGateway: 0,
      consecutiveLocal: 0,
      ejected: false,
      ejections: 0,
      ejectedUntil: 0,
    },
    pools: new Map(),
    stats: { cxTotal: 0, cxActive: 0, cxConnectFail: 0, rqTotal: 0, rqSuccess: 0, rqError: 0, rqTimeout: 0 },
    removed: false,
  };
}

/** "10.0.0.1:80", "[::1]:80". */
export function hostKey(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Whether new requests may go to it. */
export function isHealthy(host: Host): boolean {
  return (host.health === "healthy" || host.health === "degraded") && !host.outlier.ejected;
}
