import type { Destination, ProxyNetwork } from "../contracts.ts";
import type { Alpn } from "../filters/alpn.ts";
import { type Assignment, type EndpointFacts, readAssignment } from "./assignment.ts";
import type { ClusterConfig } from "./compile-cluster.ts";
import type { Dialler } from "./connect.ts";
import { createHost, type Host, hostKey, isHealthy } from "./host.ts";
import { createHostSet, type HostSet } from "./host-set.ts";
import { createHttpPool, type HttpPool } from "./http-pool.ts";
import { createOutlierDetector, type OutlierDetector } from "./outlier.ts";
import { startResolving } from "./resolve.ts";
import { type ClusterStats, createClusterStats } from "./stats.ts";

/** What a request brings along for the choice of a host. */
export interface PickContext {
  readonly hash: bigint | undefined;
  readonly originalDestination: Destination | undefined;
  /** Hosts that were tried before, when the retry policy wants another one. */
  readonly tried: readonly Host[] | undefined;
  readonly maxAttempts: number;
}

/** A cluster at work. */
export interface Cluster {
  readonly config: ClusterConfig;
  readonly stats: ClusterStats;
  readonly dialler: Dialler;
  readonly outlier: OutlierDetector;
  /** A host for one request, undefined when there is no healthy one. */
  pick(context: PickContext): Host | undefined;
  /** The pool for HTTP requests of one kind to `host`. */
  pool(host: Host, http2: boolean, alpn: Alpn | undefined, authority: string): HttpPool;
  readonly hosts: readonly Host[];
  readonly circuit: CircuitState;
  /** Takes an assignment from EDS. Throws ConfigError on a wrong one, which changes nothing. */
  assign(assignment: Assignment): void;
  /** Whether it knows its hosts. */
  readonly isWarm: boolean;
  /** Removes the cluster: pools drain. */
  close(): void;
}

/** What runs now, against the circuit breakers. */
export interface CircuitState {
  connections: number;
  requests: number;
  retries: number;
}

export interface ClusterDeps {
  readonly network: ProxyNetwork;
  now(): number;
  after(delay: number, action: () => void): () => void;
  /** Told once when the cluster gets warm after it was made. */
  onWarm(): void;
  /** Told when hosts or their health changed. */
  onChange(): void;
}

/** Starts a cluster. One that replaces another takes over its hosts, so that connections live on. */
export function createCluster(config: ClusterConfig, deps: ClusterDeps, previous?: Cluster): Cluster {
  const stats = previous?.stats ?? createClusterStats();
  const circuit: CircuitState = { connections: 0, requests: 0, retries: 0 };
  let byKey = new Map<string, Host>();
  let assignment: Assignment | undefined;
  let set: HostSet = createHostSet([], config.sharing, deps.now);
  let warm = config.discovery === "original-dst";
  let stopResolving: (() => void) | undefined;
  let closed = false;
  const dialler: Dialler = { network: deps.network, config, stats, circuit, after: deps.after };
  const outlier = createOutlierDetector(config.outlier, () => set.hosts, stats, deps, refresh);
  const limits = {
    mayConnect: () => circuit.connections < config.circuit.connections,
    mayWait: () => stats.upstream_rq_pending_active < config.circuit.pending,
  };

  const cluster: Cluster = {
    config,
    stats,
    dialler,
    outlier,
    circuit,
    get hosts() {
      return config.discovery === "original-dst" ? [...byKey.values()] : set.hosts;
    },
    get isWarm() {
      return warm;
    },
    pick: config.discovery === "original-dst" ? pickOriginal : pick,
    pool,
    assign(next) {
      assignment = next;
      useEndpoints(next.endpoints);
    },
    close() {
      closed = true;
      stopResolving?.();
      outlier.stop();
      for (const host of byKey.values()) retire(host);
      byKey.clear();
      set = createHostSet([], config.sharing, deps.now);
    },
  };
  start();
  return cluster;

  function start() {
    if (config.assignment === undefined) {
      if (config.discovery === "static") becomeWarm();
      return;
    }
    assignment = readAssignment(config.assignment);
    if (assignment.endpoints.every((endpoint) => !endpoint.isName)) useEndpoints(assignment.endpoints);
    else {
      stopResolving = startResolving(
        assignment.endpoints,
        config.discovery === "logical-dns",
        config.dnsRefresh,
        deps,
        (resolved) => {
          if (!closed) useEndpoints(resolved);
        },
      );
    }
  }

  function becomeWarm() {
    if (warm) return;
    warm = true;
    deps.onWarm();
  }

  function pick(context: PickContext): Host | undefined {
    let host = set.pick(context.hash);
    const { tried } = context;
    if (tried === undefined) return host;
    for (let i = 1; i < context.maxAttempts && host !== undefined && tried.includes(host); i++) {
      host = set.pick(context.hash);
    }
    return host !== undefined && tried.includes(host) ? untried(host, tried) : host;
  }

  /**
   * Another host of the same priority, when there is one. Envoy gives up here and tries a host again; under a policy
   * that prefers idle hosts one that refuses connections always looks idle, and would be tried until retries are spent.
   */
  function untried(host: Host, tried: readonly Host[]): Host {
    const others = set.hosts.filter(
      (other) =>
        other.priority === host.priority && other.weight > 0 && isHealthy(other) && !tried.includes(other),
    );
    return others[Math.floor(Math.random() * others.length)] ?? host;
  }

  function pickOriginal({ originalDestination }: PickContext): Host | undefined {
    if (originalDestination === undefined) return undefined;
    const to = { ...originalDestination, port: config.originalPort ?? originalDestination.port };
    const key = hostKey(to.address, to.port);
    let host = byKey.get(key);
    if (host === undefined) {
      if (byKey.size >= maxOriginalHosts) dropUnused();
      host = createHost({
        address: to.address,
        port: to.port,
        hostname: undefined,
        joined: deps.now(),
        weight: 1,
        health: "healthy",
        priority: 0,
        locality: "",
        localityWeight: 0,
        tls: transportFor({}),
        workload: undefined,
        transportMatch: "{}",
      });
      byKey.set(key, host);
    }
    return host;
  }

  function dropUnused() {
    for (const [key, host] of byKey) {
      if (host.active === 0 && host.pools.size === 0) byKey.delete(key);
    }
  }

  function pool(host: Host, http2: boolean, alpn: Alpn | undefined, authority: string): HttpPool {
    const overrides = host.tls !== undefined && !config.keepsAlpn ? alpn : undefined;
    let key = overrides === undefined ? (http2 ? "h2" : "h1") : overrides.key;
    const sni = config.autoSni && host.tls !== undefined ? hostOf(authority) : undefined;
    if (sni !== undefined) key = `${key}|${sni}`;
    const known = host.pools.get(key);
    if (known !== undefined) return known;
    const { protocol } = config;
    const made = createHttpPool(
      dialler,
      host,
      {
        protocol: protocol === "alpn" ? "alpn" : http2 ? "http2" : "http1",
        alpn: overrides?.protocols ?? plainAlpn(host, http2),
        sni,
      },
      limits,
      () => {
        if (made.isEmpty) host.pools.delete(key);
      },
    );
    host.pools.set(key, made);
    return made;
  }

  function useEndpoints(endpoints: readonly EndpointFacts[]) {
    const next = new Map<string, Host>();
    const joined = deps.now();
    for (const endpoint of endpoints) {
      const key = hostKey(endpoint.address, endpoint.port);
      if (next.has(key)) continue;
      const transportMatch = JSON.stringify(endpoint.match);
      const known = byKey.get(key);
      const { weight, health, priority, locality, localityWeight, workload } = endpoint;
      if (known !== undefined && known.transportMatch === transportMatch) {
        Object.assign(known, { weight, health, priority, locality, localityWeight, workload });
        next.set(key, known);
      } else {
        next.set(
          key,
          createHost({
            address: endpoint.address,
            port: endpoint.port,
            hostname: endpoint.hostname,
            joined,
            weight,
            health,
            priority,
            locality,
            localityWeight,
            tls: transportFor(endpoint.match),
            workload,
            transportMatch,
          }),
        );
      }
    }
    for (const [key, host] of byKey) if (next.get(key) !== host) retire(host);
    byKey = next;
    stats.membership_change++;
    stats.update_success++;
    refresh();
    becomeWarm();
  }

  function transportFor(match: Readonly<Record<string, string>>) {
    for (const transport of config.transports) {
      if (transport.match.every(([key, value]) => match[key] === value)) return transport.tls;
    }
    return config.defaultTls;
  }

  function retire(host: Host) {
    host.removed = true;
    if (host.outlier.ejected) stats.outlier_detection_ejections_active--;
    for (const used of host.pools.values()) used.drain();
  }

  function refresh() {
    const overprovisioning = (assignment?.overprovisioning ?? 140) / 100;
    set = createHostSet([...byKey.values()], { ...config.sharing, overprovisioning }, deps.now);
    deps.onChange();
  }
}

/** Hosts that an ORIGINAL_DST cluster remembers before it looks for unused ones. */
const maxOriginalHosts = 4096;

/** What is offered where the configuration offers nothing: a server may want to know which HTTP is spoken. */
function plainAlpn(host: Host, http2: boolean): readonly string[] | undefined {
  return host.tls?.settings.alpn.length === 0 ? [http2 ? "h2" : "http/1.1"] : undefined;
}

function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(":");
  return colon < 0 || authority.endsWith("]") ? authority : authority.slice(0, colon);
}
