import { create } from "@bufbuild/protobuf";
import { networkLabel } from "../../kube/index.ts";
import {
  type LbEndpoint,
  type LocalityLbEndpoints,
  LocalityLbEndpointsSchema,
} from "../../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import type { LocalityLbSetting } from "./config-types.ts";
import type { LocalityRule } from "./locality-rule.ts";
import type { ProxyNode } from "./proxy-node.ts";
import type { Locality, WorkloadEndpoint } from "./workload-endpoints.ts";

/** Endpoints of one locality while an assignment is made; `workloads` runs beside `rows`, undefined for a gateway's row. */
export interface LocalityGroup {
  readonly locality: Locality;
  readonly rows: readonly LbEndpoint[];
  readonly workloads: readonly (WorkloadEndpoint | GatewayWorkload)[];
  readonly weight: number | undefined;
  readonly priority: number;
}

/** What stands for the workloads behind an east-west gateway. */
export interface GatewayWorkload {
  readonly network: string;
  readonly clusterId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly locality?: undefined;
  readonly nodeName?: undefined;
}

/** A label of a workload, those included that say where it runs and that no pod carries itself. */
export function workloadLabel(
  workload: WorkloadEndpoint | GatewayWorkload,
  name: string,
): string | undefined {
  switch (name) {
    case "topology.kubernetes.io/region":
      return workload.labels[name] ?? workload.locality?.region;
    case "topology.kubernetes.io/zone":
      return workload.labels[name] ?? workload.locality?.zone;
    case "topology.istio.io/subzone":
      return workload.labels[name] ?? workload.locality?.subzone;
    case "topology.istio.io/cluster":
      return workload.clusterId;
    case networkLabel:
      return workload.network === "" ? undefined : workload.network;
    case "kubernetes.io/hostname":
      return workload.labels[name] ?? workload.nodeName;
    default:
      return workload.labels[name];
  }
}

/** The same for a proxy. */
export function proxyLabel(proxy: ProxyNode, name: string): string | undefined {
  const own = proxy.labels[name];
  if (own !== undefined) return own;
  switch (name) {
    case "topology.kubernetes.io/region":
      return proxy.locality.region;
    case "topology.kubernetes.io/zone":
      return proxy.locality.zone;
    case "topology.istio.io/subzone":
      return proxy.locality.subzone;
    case "topology.istio.io/cluster":
      return proxy.clusterId;
    case networkLabel:
      return proxy.network === "" ? undefined : proxy.network;
    default:
      return undefined;
  }
}

/** Distributes weights or sets priorities as the locality rules say. `canFail`: outlier detection exists, so failover may happen. */
export function applyLocality(
  groups: readonly LocalityGroup[],
  { setting, zoneAware }: LocalityRule,
  canFail: boolean,
  proxy: ProxyNode,
): readonly LocalityGroup[] {
  if (zoneAware !== undefined) return zoneAware.isOn ? byRegion(groups, setting, proxy) : groups;
  if (setting.distribute !== undefined) return distribute(groups, setting.distribute, proxy.locality);
  if (!canFail) return groups;
  const priorities = setting.failoverPriority ?? [];
  if (priorities.length === 0) return failover(groups, setting.failover ?? [], proxy.locality);
  const ranked = groups.flatMap((group) => splitByLabels(group, priorities, proxy));
  const dense = renumber(ranked);
  return (setting.failover ?? []).length === 0
    ? dense
    : failover(dense, setting.failover ?? [], proxy.locality);
}

/** The own region first, then where it fails over to, then all others; labels count before. */
function byRegion(
  groups: readonly LocalityGroup[],
  { failoverPriority = [], failover: rules = [] }: LocalityLbSetting,
  proxy: ProxyNode,
): readonly LocalityGroup[] {
  const ranked =
    failoverPriority.length === 0
      ? groups
      : renumber(groups.flatMap((group) => splitByLabels(group, failoverPriority, proxy)));
  const { region } = proxy.locality;
  const target = rules.find((rule) => rule.from === region)?.to;
  const rank = (other: string) => (other === region ? 0 : other === target ? 1 : 2);
  return renumber(
    ranked.map((group) => ({ ...group, priority: group.priority * 3 + rank(group.locality.region) })),
  );
}

type Distribute = NonNullable<LocalityLbSetting["distribute"]>;

function distribute(
  groups: readonly LocalityGroup[],
  rules: Distribute,
  from: Locality,
): readonly LocalityGroup[] {
  const rule = rules.find((item) => matches(from, item.from ?? "*"));
  if (rule === undefined) return groups;
  const result = [...groups];
  const left = new Set(groups.keys());
  for (const [pattern, share] of Object.entries(rule.to ?? {})) {
    const chosen = [...left].filter((i) => matches(groups[i]?.locality ?? from, pattern));
    const total = chosen.reduce((sum, i) => sum + (groups[i]?.weight ?? 1), 0);
    for (const i of chosen) {
      left.delete(i);
      const group = groups[i];
      const weight = Math.ceil(((group?.weight ?? 1) * share) / total);
      if (group !== undefined && weight > 0) result[i] = { ...group, weight };
    }
  }
  for (const i of left) {
    const group = groups[i];
    if (group !== undefined) result[i] = { ...group, rows: [], workloads: [] };
  }
  return result;
}

/** Whether a locality is meant by "region/zone/subzone", in which each part may be "*" or missing. */
function matches(locality: Locality, pattern: string): boolean {
  const [region = "*", zone = "*", subzone = "*"] = pattern.split("/");
  return (
    (region === "*" || region === locality.region) &&
    (zone === "*" || zone === locality.zone) &&
    (subzone === "*" || subzone === locality.subzone)
  );
}

function failover(
  groups: readonly LocalityGroup[],
  rules: NonNullable<LocalityLbSetting["failover"]>,
  from: Locality,
): readonly LocalityGroup[] {
  const target = rules.find((rule) => rule.from === from.region);
  return renumber(
    groups.map((group) => {
      let rank = distance(from, group.locality);
      if (rank === 3 && target !== undefined && group.locality.region !== target.to) rank = 4;
      return { ...group, priority: group.priority * 5 + rank };
    }),
  );
}

/** 0: the same place, 1: same zone, 2: same region, 3: elsewhere. */
function distance(a: Locality, b: Locality): number {
  if (a.region !== b.region) return 3;
  if (a.zone !== b.zone) return 2;
  return a.subzone === b.subzone ? 0 : 1;
}

/** Priorities without gaps, since proxies want them so. */
function renumber(groups: readonly LocalityGroup[]): readonly LocalityGroup[] {
  const ranks = [...new Set(groups.map(({ priority }) => priority))].sort((a, b) => a - b);
  const dense = new Map(ranks.map((rank, i) => [rank, i]));
  return groups.map((group) => ({ ...group, priority: dense.get(group.priority) ?? 0 }));
}

/** Splits a locality by how many of the labels, in order, each workload shares with the proxy. */
function splitByLabels(group: LocalityGroup, written: readonly string[], proxy: ProxyNode): LocalityGroup[] {
  const labels = written.map((item) => {
    const [name = "", ...value] = item.split("=");
    return { name, value: value.length > 0 ? value.join("=") : (proxyLabel(proxy, name) ?? "") };
  });
  const otherNetwork = written[0] === networkLabel;
  const byPriority = new Map<
    number,
    { rows: LbEndpoint[]; workloads: LocalityGroup["workloads"][number][]; weight: number }
  >();
  for (const [i, workload] of group.workloads.entries()) {
    const row = group.rows[i];
    if (row === undefined) continue;
    let priority = 0;
    let extra = 0;
    for (const [j, { name, value }] of labels.entries()) {
      if ((workloadLabel(workload, name) ?? "") === value) continue;
      if (j === 0 && otherNetwork) {
        // Another network is worse than any mismatch within the own one.
        extra = labels.length;
        continue;
      }
      priority = labels.length - j;
      break;
    }
    const rank = priority + extra;
    const part = byPriority.get(rank) ?? { rows: [], workloads: [], weight: 0 };
    byPriority.set(rank, part);
    part.rows.push(row);
    part.workloads.push(workload);
    part.weight += row.loadBalancingWeight ?? 1;
  }
  return [...byPriority]
    .sort(([a], [b]) => a - b)
    .map(([priority, part]) => ({ ...group, ...part, priority }));
}

/** The message for a group. */
export function localityMessage({ locality, rows, weight, priority }: LocalityGroup): LocalityLbEndpoints {
  return create(LocalityLbEndpointsSchema, {
    locality: { region: locality.region, zone: locality.zone, subZone: locality.subzone },
    lbEndpoints: [...rows],
    ...(weight === undefined ? {} : { loadBalancingWeight: weight }),
    priority,
  });
}
