import { type Balancer, type BalancerPolicy, createBalancer } from "./balancer.ts";
import { createEdfScheduler } from "./edf.ts";
import { type Host, isHealthy } from "./host.ts";

/** How priorities and localities share the load. */
export interface SharingRules {
  readonly policy: BalancerPolicy;
  /** Percent of healthy hosts below which health is ignored; 0 never. */
  readonly panicThreshold: number;
  /** How much more load than its share the healthy part of a group may take: 1.4. */
  readonly overprovisioning: number;
  readonly localityWeighted: boolean;
}

/** A fixed view of a cluster's hosts. Made anew when hosts, weights or health change. */
export interface HostSet {
  pick(hash: bigint | undefined): Host | undefined;
  readonly hosts: readonly Host[];
  readonly healthyCount: number;
}

/** Groups `hosts` by priority and decides how much load each group gets (Envoy's priority levels). */
export function createHostSet(hosts: readonly Host[], rules: SharingRules, now: () => number): HostSet {
  const healthyCount = hosts.reduce((count, host) => count + (isHealthy(host) ? 1 : 0), 0);
  const byPriority: Host[][] = [];
  for (const host of hosts) {
    let group = byPriority[host.priority];
    if (group === undefined) {
      group = [];
      byPriority[host.priority] = group;
    }
    group.push(host);
  }
  const groups = Array.from(byPriority, (group) => group ?? []);
  const loads = priorityLoads(groups, rules);
  const balancers = groups.map((group) => lazyBalancer(group, rules, now));
  const only = loads.filter((load) => load > 0).length === 1 ? loads.findIndex((load) => load > 0) : -1;
  const sole = balancers[only];
  return {
    hosts,
    healthyCount,
    pick: sole ?? ((hash) => balancers[choosePriority(loads, hash)]?.(hash)),
  };
}

/** Percent of the load for each priority; sums to 100 unless there is no host at all. */
export function priorityLoads(groups: readonly (readonly Host[])[], rules: SharingRules): number[] {
  const health = groups.map((group) => {
    if (group.length === 0) return 0;
    const healthy = group.filter(isHealthy).length;
    return Math.min(100, (100 * rules.overprovisioning * healthy) / group.length);
  });
  const total = Math.min(
    100,
    health.reduce((sum, value) => sum + value, 0),
  );
  if (total === 0) {
    const first = groups.findIndex((group) => group.length > 0);
    return groups.map((_, index) => (index === first ? 100 : 0));
  }
  let left = 100;
  const loads = health.map((value) => {
    const load = Math.min(left, Math.round((value * 100) / total));
    left -= load;
    return load;
  });
  const firstHealthy = loads.findIndex((load) => load > 0);
  if (left > 0 && firstHealthy >= 0) loads[firstHealthy] = (loads[firstHealthy] ?? 0) + left;
  return loads;
}

function choosePriority(loads: readonly number[], hash: bigint | undefined): number {
  let ticket = hash === undefined ? Math.random() * 100 : Number(hash % 100n);
  for (const [priority, load] of loads.entries()) {
    ticket -= load;
    if (ticket < 0) return priority;
  }
  return Math.max(0, loads.length - 1);
}

/** Most clusters of a mesh never see a request: their rings and schedules are made at the first. */
function lazyBalancer(group: readonly Host[], rules: SharingRules, now: () => number): Balancer {
  let made: Balancer | undefined;
  return (hash) => {
    made ??= groupBalancer(group, rules, now);
    return made(hash);
  };
}

function groupBalancer(group: readonly Host[], rules: SharingRules, now: () => number): Balancer {
  const healthy = group.filter(isHealthy);
  const panics = group.length > 0 && (100 * healthy.length) / group.length < rules.panicThreshold;
  const usable = panics ? group : healthy;
  if (!rules.localityWeighted) return createBalancer(rules.policy, usable, now);
  const localities = [...byLocality(group).values()].flatMap((members) => {
    const available = members.filter((host) => usable.includes(host));
    const weight = members[0]?.localityWeight ?? 0;
    const share = Math.min(1, (rules.overprovisioning * available.length) / members.length);
    if (available.length === 0 || weight === 0) return [];
    return [{ weight: weight * share, balancer: createBalancer(rules.policy, available, now) }];
  });
  if (localities.length <= 1) return localities[0]?.balancer ?? (() => undefined);
  const scheduler = createEdfScheduler(localities, (locality) => locality.weight);
  return (hash) => scheduler.next()?.balancer(hash);
}

function byLocality(group: readonly Host[]): Map<string, Host[]> {
  const localities = new Map<string, Host[]>();
  for (const host of group) {
    const members = localities.get(host.locality);
    if (members === undefined) localities.set(host.locality, [host]);
    else members.push(host);
  }
  return localities;
}
