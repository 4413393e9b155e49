import { useState } from "react";
import type { WorkloadRow } from "../../../../src/console/api.ts";
import { figure, milliseconds, percentage } from "../../format.ts";
import { follow, navigate, workloadUrl } from "../../location.ts";
import { ClusterMark } from "../../parts/cluster-mark.tsx";
import { ProxyStatus } from "../../parts/proxy-status.tsx";

const most = 250;

type Column = "name" | "pods" | "rps" | "failed" | "p95";

/** Workloads as rows: those in trouble first, unless a column is chosen. */
export function WorkloadTable({
  rows,
  away,
  isMeasured,
  window,
}: {
  readonly rows: readonly WorkloadRow[];
  readonly away: ReadonlySet<string>;
  readonly isMeasured: boolean;
  readonly window: string;
}) {
  const [column, setColumn] = useState<Column>();
  const sorted = column === undefined ? byTrouble(rows) : byColumn(rows, column);
  const head = (id: Column, text: string, isRight = true) => (
    <th
      className={isRight ? "right" : undefined}
      aria-sort={column === id ? (id === "name" ? "ascending" : "descending") : "none"}
    >
      <button type="button" onClick={() => setColumn(column === id ? undefined : id)}>
        {text}
        {column === id ? (id === "name" ? " ↑" : " ↓") : ""}
      </button>
    </th>
  );
  return (
    <>
      <table className="workloads">
        <thead>
          <tr>
            {head("name", "Workload", false)}
            <th>Namespace</th>
            <th>Version</th>
            {head("pods", "Pods")}
            <th>Proxies</th>
            {head("rps", "rps in")}
            {head("failed", `Failed, ${window.replace(/(\d)([a-z])/, "$1 $2")}`)}
            {head("p95", "p95 ms")}
            <th className="right">rps out</th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, most).map((row) => (
            <Row key={workloadUrl(row)} row={row} isAway={away.has(row.cluster)} isMeasured={isMeasured} />
          ))}
        </tbody>
      </table>
      {rows.length > most ? (
        <p className="small dimmer" style={{ padding: "8px 12px" }}>
          and {rows.length - most} more: narrow the list to see them
        </p>
      ) : null}
    </>
  );
}

function Row({
  row,
  isAway,
  isMeasured,
}: {
  readonly row: WorkloadRow;
  readonly isAway: boolean;
  readonly isMeasured: boolean;
}) {
  const { cluster, namespace, kind, name, runsIn, version, pods, inbound, outbound, trouble, proxies, role } =
    row;
  const url = workloadUrl(row);
  const isShort = pods.ready < pods.wanted;
  const failed =
    inbound === undefined || inbound.requestsPerSecond === 0
      ? 0
      : inbound.failedPerSecond / inbound.requestsPerSecond;
  const quiet = isMeasured ? (
    <span className="dimmer">–</span>
  ) : (
    <span className="dimmer" title="not measured yet">
      –
    </span>
  );
  return (
    <tr
      className={`opens ${isAway ? "is-stale" : ""}`}
      onClick={(event) => {
        if (!(event.target instanceof HTMLAnchorElement)) navigate(url);
      }}
    >
      <td>
        <span className="row">
          <ClusterMark name={cluster} />
          <span className="said">{cluster}</span>
          <a
            href={url}
            onClick={follow}
            className="bold clip"
            data-row
            title={`${namespace}/${name} in ${cluster}`}
          >
            {name}
          </a>
          {kind === "Deployment" ? null : <span className="tag">{kind}</span>}
          {runsIn === undefined ? null : (
            <span className="row tight small dim nowrap">
              runs in <ClusterMark name={runsIn} />
              <span className="said">{runsIn}</span>
            </span>
          )}
          {role === "app" ? null : <span className="tag">{role}</span>}
        </span>
      </td>
      <td className="dim">{namespace}</td>
      <td className="dim">{version ?? "–"}</td>
      <td className="right" title={trouble}>
        <span className={isShort ? "warn bold" : undefined}>
          {pods.ready} of {pods.wanted}
        </span>
      </td>
      <td>
        <ProxyStatus proxies={proxies} role={role} />
      </td>
      <td className="right bold">{inbound === undefined ? quiet : figure(inbound.requestsPerSecond)}</td>
      <td className={`right ${failed > 0 ? "fail bold" : "dim"}`}>
        {inbound === undefined ? "–" : `${percentage(failed)} %`}
      </td>
      <td className="right">
        {inbound?.latencyMs === undefined ? "–" : milliseconds(inbound.latencyMs.p95)}
      </td>
      <td className="right dim">{outbound === undefined ? "–" : figure(outbound.requestsPerSecond)}</td>
    </tr>
  );
}

function byTrouble(rows: readonly WorkloadRow[]): readonly WorkloadRow[] {
  const weight = (row: WorkloadRow) =>
    Number(row.pods.ready < row.pods.wanted) * 4 +
    Number((row.inbound?.failedPerSecond ?? 0) > 0) * 2 +
    Number(row.proxies.state === "stale" || row.proxies.state === "disconnected");
  return [...rows].sort((a, b) => weight(b) - weight(a));
}

function byColumn(rows: readonly WorkloadRow[], column: Column): readonly WorkloadRow[] {
  if (column === "name") return [...rows].sort((a, b) => a.name.localeCompare(b.name));
  const value = ({ pods, inbound }: WorkloadRow) =>
    ({
      pods: pods.ready,
      rps: inbound?.requestsPerSecond ?? -1,
      failed: inbound?.failedPerSecond ?? -1,
      p95: inbound?.latencyMs?.p95 ?? -1,
    })[column];
  return [...rows].sort((a, b) => value(b) - value(a));
}
