import { IsthmusError } from "../../base/index.ts";
import { type Kind, kinds, matchesLabelSelector, matchesLabels, type Pod } from "../../kube/index.ts";
import type { TrafficGraph } from "../../telemetry/index.ts";
import type {
  Neighbour,
  ObjectReference,
  WorkloadHistory,
  WorkloadId,
  WorkloadPage,
  WorkloadPod,
} from "../api.ts";
import type { SourceState } from "../contracts.ts";
import type { Reader } from "../reader.ts";
import {
  hasProxy,
  isPodReady,
  podTrouble,
  proxyOf,
  type ReadWorkload,
  readWorkloads,
  workloadRow,
} from "./read-workloads.ts";
import { rangeOf, sumTraffic } from "./traffic-sums.ts";
import { edgeKey, readTraffic, withTraffic } from "./workloads-page.ts";

/** Values of a chart. */
const points = 60;

/** Istio's objects that choose the workloads they are about by labels, and where their selector is. */
const selecting: readonly Kind[] = [
  kinds.authorizationPolicies,
  kinds.peerAuthentications,
  kinds.requestAuthentications,
  kinds.telemetries,
  kinds.sidecars,
  kinds.envoyFilters,
  kinds.wasmPlugins,
];

/** One workload: its pods, its proxies, who calls it and whom it calls. */
export async function workloadPage(
  reader: Reader,
  query: URLSearchParams,
  names: Readonly<Record<string, string>>,
): Promise<WorkloadPage> {
  const { cluster = "", namespace = "", name = "" } = names;
  const kind = query.get("kind") ?? "Deployment";
  const range = rangeOf(query);
  const state = await reader.state();
  const { workloads, away } = await readWorkloads(reader, cluster);
  const found = workloads.find(
    ({ id }) => id.namespace === namespace && id.name === name && id.kind === kind,
  );
  if (found === undefined) throw notFound({ cluster, namespace, kind, name }, state);
  const graph = reader.graph({ level: "workload", rangeSeconds: range });
  const row = withTraffic(workloadRow(found, state), readTraffic(reader, range));
  // What is measured is of where it runs.
  const place = { ...found.id, cluster: row.runsIn ?? cluster };
  const neighbours = (side: "inbound" | "outbound") =>
    graph === undefined ? [] : neighboursOf(graph, place, side);
  const history = graph === undefined ? undefined : readHistory(reader, found.id, range);
  return {
    row,
    ...(away === undefined ? {} : { away: { since: away.since ?? 0, reason: away.reason } }),
    ...(row.proxies.state === "none"
      ? {}
      : { identity: `spiffe://${trustDomainOf(state, cluster)}/ns/${namespace}/sa/${row.serviceAccount}` }),
    images: [...new Set(found.template.spec.containers.flatMap(({ image }) => image ?? []))],
    labels: found.template.labels,
    pods: found.pods.map((pod) => shownPod(pod, found, state)),
    services: await servicesOf(reader, found),
    inbound: neighbours("inbound"),
    outbound: neighbours("outbound"),
    rangeSeconds: range,
    isMeasured: graph !== undefined,
    ...(history === undefined ? {} : { history }),
    policies: await policiesOf(reader, found, state),
  };
}

function shownPod(pod: Pod, workload: ReadWorkload, state: SourceState): WorkloadPod {
  const { metadata, spec, status } = pod;
  const trouble = podTrouble(pod);
  const proxy = hasProxy(pod) ? proxyOf(pod, workload, state.proxies) : undefined;
  return {
    name: metadata.name,
    ...(spec.nodeName === undefined ? {} : { node: spec.nodeName }),
    ...(status?.podIP === undefined ? {} : { address: status.podIP }),
    isReady: isPodReady(pod),
    restarts: (status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0),
    ...(status?.startTime === undefined ? {} : { startedAt: Date.parse(status.startTime) }),
    ...(trouble === undefined ? {} : { trouble }),
    ...(hasProxy(pod)
      ? {
          proxy: {
            state: proxy?.state ?? "NOT CONNECTED",
            ...(proxy?.istiod === undefined ? {} : { istiod: proxy.istiod }),
            rejections: Object.entries(proxy?.rejections ?? {}).map(([type, text]) => `${type}: ${text}`),
          },
        }
      : {}),
  };
}

async function servicesOf(reader: Reader, { id, template }: ReadWorkload): Promise<readonly string[]> {
  const { items } = await reader.list(id.cluster, kinds.services);
  return items
    .filter(({ metadata, spec }) => {
      const { selector = {} } = spec;
      return (
        metadata.namespace === id.namespace &&
        Object.keys(selector).length > 0 &&
        matchesLabels(selector, template.labels)
      );
    })
    .map(({ metadata }) => metadata.name)
    .sort();
}

/** Istio's objects are read where the control plane is. */
async function policiesOf(
  reader: Reader,
  { id, template }: ReadWorkload,
  state: SourceState,
): Promise<readonly ObjectReference[]> {
  const primary = state.clusters.find(({ name }) => name === id.cluster)?.primary ?? id.cluster;
  const lists = await Promise.all(
    selecting.map(async (kind) => ({ kind, items: (await reader.list(primary, kind)).items })),
  );
  return lists.flatMap(({ kind, items }) =>
    items
      .filter(({ metadata, ...object }) => {
        const inPlace = metadata.namespace === id.namespace || metadata.namespace === "istio-system";
        const { selector, workloadSelector } = (object["spec"] ?? {}) as {
          readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
          readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
        };
        const labels = selector?.matchLabels ?? workloadSelector?.labels ?? {};
        return inPlace && matchesLabelSelector({ matchLabels: labels }, template.labels);
      })
      .map(({ metadata }) => ({
        cluster: primary,
        kind: kind.kind,
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
        name: metadata.name,
      })),
  );
}

function neighboursOf(
  { nodes, edges }: TrafficGraph,
  id: WorkloadId,
  side: "inbound" | "outbound",
): readonly Neighbour[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const own = new Set(nodes.filter((node) => edgeKey(node) === edgeKey(id)).map((node) => node.id));
  return edges
    .filter((edge) => own.has(side === "inbound" ? edge.to : edge.from))
    .flatMap((edge): Neighbour[] => {
      const node = byId.get(side === "inbound" ? edge.from : edge.to);
      if (node === undefined) return [];
      return [
        {
          ...sumTraffic([edge]),
          node,
          protocol: edge.protocol,
          crossesNetwork: edge.crossesNetwork,
          ...(edge.service === undefined ? {} : { service: edge.service }),
        },
      ];
    })
    .sort((a, b) => b.requestsPerSecond - a.requestsPerSecond);
}

/** Rates and times of its requests over the range, as its own proxies measured them. */
function readHistory(reader: Reader, id: WorkloadId, range: number): WorkloadHistory | undefined {
  const seconds = Math.max(range, 5 * 60);
  const step = Math.max(1, Math.round(seconds / points));
  const window = Math.max(15, step * 3);
  const labels = `reporter="destination",destination_cluster="${id.cluster}",destination_workload_namespace="${id.namespace}",destination_workload="${id.name}"`;
  const read = (expression: string) => reader.history(expression, seconds, points)[0]?.values ?? [];
  const total = read(`sum(rate(istio_requests_total{${labels}}[${window}s]))`);
  if (total.length === 0) return undefined;
  const failed = read(`sum(rate(istio_requests_total{${labels},response_code=~"5..|0"}[${window}s]))`);
  const p95 = read(
    `histogram_quantile(0.95, sum by (le) (rate(istio_request_duration_milliseconds_bucket{${labels}}[${window}s])))`,
  );
  const start = total[0]?.at ?? 0;
  const at = (values: typeof total, i: number) =>
    values.find((value) => value.at === start + i * step * 1000)?.value;
  const numbers = total.map((_, i) => i);
  return {
    step,
    start,
    requestsPerSecond: total.map(({ value }) => value),
    failedPerSecond: numbers.map((i) => at(failed, i) ?? 0),
    p95: numbers.map((i) => {
      const value = at(p95, i);
      return value === undefined || !Number.isFinite(value) ? null : value;
    }),
  };
}

function notFound({ cluster, namespace, kind, name }: WorkloadId, state: SourceState): IsthmusError {
  if (!state.clusters.some((one) => one.name === cluster))
    return new IsthmusError("cluster/unknown", `the mesh has no cluster "${cluster}"`, {
      nextStep: `There are: ${state.clusters.map((one) => one.name).join(", ")}.`,
    });
  return new IsthmusError("workload/not-found", `${cluster} has no ${kind} ${name} in ${namespace}`, {
    nextStep: "It may have been deleted, or be in another cluster: the search finds it by its name.",
  });
}

function trustDomainOf({ clusters }: SourceState, name: string): string {
  return clusters.find((cluster) => cluster.name === name)?.trustDomain ?? "";
}
