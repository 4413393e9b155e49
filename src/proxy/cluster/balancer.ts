import { unreachable } from "../../base/index.ts";
import { createEdfScheduler } from "./edf.ts";
import { xxHash64 } from "./hash.ts";
import type { Host } from "./host.ts";
import { isWarmAt, type SlowStart, warmth } from "./slow-start.ts";

/** How a cluster spreads requests over hosts. */
export type BalancerPolicy =
  | { readonly kind: "round-robin"; readonly slowStart?: SlowStart | undefined }
  | { readonly kind: "random" }
  | {
      readonly kind: "least-request";
      readonly choices: number;
      readonly slowStart?: SlowStart | undefined;
    }
  | { readonly kind: "ring-hash"; readonly minSize: number; readonly maxSize: number }
  | { readonly kind: "maglev"; readonly tableSize: number };

/** Picks one of a fixed set of hosts. `hash` is the request's, undefined when it has none. */
export type Balancer = (hash: bigint | undefined) => Host | undefined;

/**
 * A balancer over `hosts`, which must not change afterwards (their weights and loads may). `now` is asked for while some
 * of them start slowly.
 */
export function createBalancer(policy: BalancerPolicy, hosts: readonly Host[], now: () => number): Balancer {
  if (hosts.length === 0) return () => undefined;
  if (hosts.length === 1) return () => hosts[0];
  const slowStart = "slowStart" in policy ? policy.slowStart : undefined;
  return slowStart === undefined ? steady(policy, hosts) : warming(policy, slowStart, hosts, now);
}

/** Weighs hosts by their age until all have their full weight. */
function warming(
  policy: BalancerPolicy,
  slowStart: SlowStart,
  hosts: readonly Host[],
  now: () => number,
): Balancer {
  const end = isWarmAt(slowStart, hosts);
  if (now() >= end) return steady(policy, hosts);
  const byLoad = policy.kind === "least-request";
  const scheduled = weighted(
    hosts,
    (host) => (byLoad ? 1 / (host.active + 1) : 1) * host.weight * warmth(slowStart, host.joined, now()),
  );
  let warm: Balancer | undefined;
  return (hash) => {
    if (warm === undefined && now() < end) return scheduled(hash);
    warm ??= steady(policy, hosts);
    return warm(hash);
  };
}

function steady(policy: BalancerPolicy, hosts: readonly Host[]): Balancer {
  switch (policy.kind) {
    case "random":
      return isUniform(hosts) ? () => pickAny(hosts) : weighted(hosts, (host) => host.weight);
    case "round-robin":
      return isUniform(hosts) ? inTurn(hosts) : weighted(hosts, (host) => host.weight);
    case "least-request":
      return isUniform(hosts)
        ? leastOf(hosts, policy.choices)
        : weighted(hosts, (host) => host.weight / (host.active + 1));
    case "ring-hash":
      return ringHash(hosts, policy.minSize, policy.maxSize);
    case "maglev":
      return maglev(hosts, policy.tableSize);
    default:
      return unreachable(policy);
  }
}

function isUniform(hosts: readonly Host[]): boolean {
  return hosts.every((host) => host.weight === hosts[0]?.weight);
}

function pickAny(hosts: readonly Host[]): Host | undefined {
  return hosts[Math.floor(Math.random() * hosts.length)];
}

function inTurn(hosts: readonly Host[]): Balancer {
  // Proxies that start together must not all begin with the same host.
  let at = Math.floor(Math.random() * hosts.length);
  return () => {
    at = at + 1 < hosts.length ? at + 1 : 0;
    return hosts[at];
  };
}

function weighted(hosts: readonly Host[], weightOf: (host: Host) => number): Balancer {
  const scheduler = createEdfScheduler(hosts, weightOf);
  for (let skip = Math.floor(Math.random() * hosts.length); skip > 0; skip--) scheduler.next();
  return () => scheduler.next();
}

function leastOf(hosts: readonly Host[], choices: number): Balancer {
  return () => {
    let best = pickAny(hosts);
    for (let i = 1; i < choices; i++) {
      const other = pickAny(hosts);
      if (best === undefined || (other !== undefined && other.active < best.active)) best = other;
    }
    return best;
  };
}

/** Envoy's ketama ring: points of all hosts in the order of their hashes; a request goes to the next point. */
function ringHash(hosts: readonly Host[], minSize: number, maxSize: number): Balancer {
  const total = hosts.reduce((sum, host) => sum + host.weight, 0);
  const least = Math.min(...hosts.map((host) => host.weight)) / total;
  const scale = Math.min(maxSize, Math.ceil(least * minSize) / least);
  const ring: { readonly hash: bigint; readonly host: Host }[] = [];
  // Sums that run on over all hosts keep the parts of points that are no whole numbers from getting lost.
  let wanted = 0;
  for (const host of hosts) {
    wanted += scale * (host.weight / total);
    for (let i = 0; ring.length < wanted; i++) ring.push({ hash: xxHash64(`${host.key}_${i}`), host });
  }
  ring.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0));
  return (hash = anyHash()) => {
    let low = 0;
    let high = ring.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ring[middle]?.hash ?? 0n) < hash) low = middle + 1;
      else high = middle;
    }
    return ring[low === ring.length ? 0 : low]?.host;
  };
}

/** Maglev's table (Eisenbud et al., 2016, 3.4) as Envoy fills it: every host takes its preferred free places in turn. */
function maglev(hosts: readonly Host[], size: number): Balancer {
  const sorted = [...hosts].sort((a, b) => (a.key < b.key ? -1 : 1));
  const table = new Int32Array(size).fill(-1);
  const most = Math.max(...sorted.map((host) => host.weight));
  const entries = sorted.map((host) => ({
    offset: Number(xxHash64(host.key) % BigInt(size)),
    skip: Number(xxHash64(host.key, 1n) % BigInt(size - 1)) + 1,
    weight: host.weight,
    target: 0,
    next: 0,
  }));
  let filled = 0;
  for (let round = 1; filled < size; round++) {
    for (const [index, entry] of entries.entries()) {
      if (filled === size) break;
      if (round * entry.weight < entry.target) continue;
      entry.target += most;
      let place: number;
      do place = (entry.offset + entry.skip * entry.next++) % size;
      while (table[place] !== -1);
      table[place] = index;
      filled++;
    }
  }
  return (hash = anyHash()) => sorted[table[Number(hash % BigInt(size))] ?? 0];
}

/** For a request that is hashed by something that it does not have. */
function anyHash(): bigint {
  return BigInt(Math.floor(Math.random() * 2 ** 48)) << 16n;
}
