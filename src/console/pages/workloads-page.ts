import type { TrafficEdge, TrafficGraph } from "../../telemetry/index.ts";
import type { WorkloadId, WorkloadRow, WorkloadsPage } from "../api.ts";
import type { Reader } from "../reader.ts";
import { readWorkloads, workloadRow } from "./read-workloads.ts";
import { rangeOf, sumTraffic } from "./traffic-sums.ts";

/** Everything that runs, in all clusters. */
export async function workloadsPage(reader: Reader, query: URLSearchParams): Promise<WorkloadsPage> {
  const range = rangeOf(query);
  const state = await reader.state();
  const read = await Promise.all(state.clusters.map(({ name }) => readWorkloads(reader, name)));
  const graph = reader.graph({ level: "workload", rangeSeconds: range });
  const traffic = graph === undefined ? undefined : edgesByWorkload(graph);
  return {
    workloads: read.flatMap(({ workloads }) =>
      workloads.map((one) => withTraffic(workloadRow(one, state), traffic)),
    ),
    away: read.flatMap(({ cluster, away }) =>
      away === undefined ? [] : [{ cluster, since: away.since ?? 0, reason: away.reason }],
    ),
    rangeSeconds: range,
    isMeasured: graph !== undefined,
  };
}

/** The edges of a graph of workloads, by the workload at either end. */
export interface WorkloadEdges {
  readonly inbound: ReadonlyMap<string, readonly TrafficEdge[]>;
  readonly outbound: ReadonlyMap<string, readonly TrafficEdge[]>;
}

/** What a workload is found by in them. Metrics do not tell kinds apart. */
export function edgeKey({ cluster, namespace, name }: Omit<WorkloadId, "kind">): string {
  return `${cluster}/${namespace}/${name}`;
}

export function edgesByWorkload({ nodes, edges }: TrafficGraph): WorkloadEdges {
  const keys = new Map(nodes.map((node) => [node.id, edgeKey(node)]));
  const [inbound, outbound] = [new Map<string, TrafficEdge[]>(), new Map<string, TrafficEdge[]>()];
  for (const edge of edges)
    for (const [map, end] of [
      [inbound, edge.to],
      [outbound, edge.from],
    ] as const) {
      const key = keys.get(end) ?? end;
      map.set(key, [...(map.get(key) ?? []), edge]);
    }
  return { inbound, outbound };
}

export function withTraffic(
  row: Omit<WorkloadRow, "inbound" | "outbound">,
  traffic: WorkloadEdges | undefined,
): WorkloadRow {
  const [inbound, outbound] = [traffic?.inbound.get(edgeKey(row)), traffic?.outbound.get(edgeKey(row))];
  return {
    ...row,
    ...(inbound === undefined ? {} : { inbound: sumTraffic(inbound) }),
    ...(outbound === undefined ? {} : { outbound: sumTraffic(outbound) }),
  };
}
