import { IsthmusError } from "../../base/index.ts";
import { kinds, matchesLabels } from "../../kube/index.ts";
import { defaultRule, hostOf, readRoutes } from "../actions/routes.ts";
import { versionLabel } from "../actions/shift-traffic.ts";
import type { ShiftPage, WorkloadId } from "../api.ts";
import type { Reader } from "../reader.ts";
import { isPodReady, readWorkloads } from "./read-workloads.ts";
import { rangeOf } from "./traffic-sums.ts";

/** What there is to share the requests to a service out among, over all clusters, and how they are shared out now. */
export async function shiftPage(
  reader: Reader,
  query: URLSearchParams,
  names: Readonly<Record<string, string>>,
): Promise<ShiftPage> {
  const { namespace = "", service = "" } = names;
  const range = rangeOf(query);
  const state = await reader.state();
  const versions = new Map<string, { readonly workloads: WorkloadId[]; pods: number }>();
  let isKnown = false;
  for (const { name: cluster } of state.clusters) {
    const [services, { workloads }] = await Promise.all([
      reader.list(cluster, kinds.services),
      readWorkloads(reader, cluster),
    ]);
    const found = services.items.find(
      ({ metadata }) => metadata.name === service && metadata.namespace === namespace,
    );
    const { selector = {} } = found?.spec ?? {};
    isKnown ||= found !== undefined;
    if (Object.keys(selector).length === 0) continue;
    for (const { id, template, pods } of workloads) {
      const version = template.labels[versionLabel];
      if (version === undefined || id.namespace !== namespace || !matchesLabels(selector, template.labels))
        continue;
      const known = versions.get(version) ?? { workloads: [], pods: 0 };
      known.workloads.push(id);
      known.pods += pods.filter(isPodReady).length;
      versions.set(version, known);
    }
  }
  if (!isKnown)
    throw new IsthmusError("workload/not-found", `no cluster has a Service ${service} in ${namespace}`);
  const [first] = await readRoutes(reader, { namespace, service });
  const written = writtenWeights(first);
  const measured = measuredShares(reader, hostOf({ namespace, service }), range);
  const pods = [...versions.values()].reduce((sum, one) => sum + one.pods, 0);
  const sorted = [...versions].sort(([a], [b]) => a.localeCompare(b));
  const byPods = wholeShares(sorted.map(([, one]) => (pods === 0 ? 1 / sorted.length : one.pods / pods)));
  return {
    versions: sorted.map(([version, { workloads }], i) => {
      const share = measured.get(version);
      return {
        version,
        weight: written === undefined ? (byPods[i] ?? 0) : (written.get(version) ?? 0),
        ...(share === undefined ? {} : { share }),
        workloads,
      };
    }),
    ...(first?.virtualService === undefined
      ? {}
      : {
          virtualService: {
            cluster: first.cluster,
            kind: "VirtualService",
            namespace: first.virtualService.metadata.namespace ?? namespace,
            name: first.virtualService.metadata.name,
          },
        }),
    rangeSeconds: range,
  };
}

/** The weights by version that a VirtualService says; undefined without one that names subsets. */
function writtenWeights(
  routed: Awaited<ReturnType<typeof readRoutes>>[number] | undefined,
): ReadonlyMap<string, number> | undefined {
  const { virtualService, destinationRule } = routed ?? {};
  if (virtualService === undefined) return undefined;
  const routes = virtualService.spec.http?.[defaultRule(virtualService)]?.route ?? [];
  const subsets = destinationRule?.spec.subsets ?? [];
  const found = routes.flatMap(({ destination, weight }) => {
    const labels = subsets.find(({ name }) => name === destination.subset)?.labels;
    const version = labels?.[versionLabel];
    return version === undefined ? [] : [[version, weight ?? (routes.length === 1 ? 100 : 0)] as const];
  });
  return found.length === 0 ? undefined : new Map(found);
}

/** The part of the requests to a host that each version answered. */
function measuredShares(reader: Reader, host: string, rangeSeconds: number): ReadonlyMap<string, number> {
  const graph = reader.graph({ level: "versionedApp", rangeSeconds });
  const versionOf = new Map(graph?.nodes.map(({ id, version }) => [id, version]));
  const rates = new Map<string, number>();
  let total = 0;
  for (const { to, service, requestsPerSecond } of graph?.edges ?? []) {
    const version = versionOf.get(to);
    if (service !== host || version === undefined) continue;
    rates.set(version, (rates.get(version) ?? 0) + requestsPerSecond);
    total += requestsPerSecond;
  }
  return new Map(total === 0 ? [] : [...rates].map(([version, rate]) => [version, rate / total]));
}

/** Whole percentages that sum up to 100. */
function wholeShares(shares: readonly number[]): readonly number[] {
  const whole = shares.map((share) => Math.floor(share * 100));
  const rest = 100 - whole.reduce((sum, value) => sum + value, 0);
  return whole.map((value, i) => value + (i < rest ? 1 : 0));
}
