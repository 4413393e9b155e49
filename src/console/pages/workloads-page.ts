import type { RequestSummary, WorkloadSummary } from "../../telemetry/index.ts";
import type { WorkloadId, WorkloadRow, WorkloadsPage } from "../api.ts";
import type { Reader } from "../reader.ts";
import { readWorkloads, workloadRow } from "./read-workloads.ts";
import { rangeOf } from "./traffic-sums.ts";

/** Everything that runs, in all clusters. */
export async function workloadsPage(reader: Reader, query: URLSearchParams): Promise<WorkloadsPage> {
  const range = rangeOf(query);
  const state = await reader.state();
  const read = await Promise.all(state.clusters.map(({ name }) => readWorkloads(reader, name)));
  const traffic = readTraffic(reader, range);
  return {
    workloads: read.flatMap(({ workloads }) =>
      workloads.map((one) => withTraffic(workloadRow(one, state), traffic)),
    ),
    away: read.flatMap(({ cluster, away }) =>
      away === undefined ? [] : [{ cluster, since: away.since ?? 0, reason: away.reason }],
    ),
    rangeSeconds: range,
    isMeasured: traffic !== undefined,
  };
}

/** What a workload is found by in what is measured. Metrics do not tell kinds apart. */
export function edgeKey({ cluster, namespace, name }: Omit<WorkloadId, "kind">): string {
  return `${cluster}/${namespace}/${name}`;
}

/** What every workload does, by `edgeKey`. */
export type WorkloadTraffic = ReadonlyMap<string, WorkloadSummary>;

/** Undefined while nobody measures. */
export function readTraffic(reader: Reader, rangeSeconds: number): WorkloadTraffic | undefined {
  const found = reader.workloads(rangeSeconds);
  return found && new Map(found.map((one) => [edgeKey({ ...one, name: one.workload }), one]));
}

export function withTraffic(
  row: Omit<WorkloadRow, "inbound" | "outbound">,
  traffic: WorkloadTraffic | undefined,
): WorkloadRow {
  const { incoming, outgoing } = traffic?.get(edgeKey({ ...row, cluster: row.runsIn ?? row.cluster })) ?? {};
  return {
    ...row,
    ...(hasRequests(incoming) ? { inbound: incoming } : {}),
    ...(hasRequests(outgoing) ? { outbound: outgoing } : {}),
  };
}

function hasRequests(side: RequestSummary | undefined): side is RequestSummary {
  return side !== undefined && side.requestsPerSecond > 0;
}
