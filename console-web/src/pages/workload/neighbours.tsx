import type { Neighbour } from "../../../../src/console/api.ts";
import { figure, milliseconds, percentage } from "../../format.ts";
import { Icon } from "../../icons.tsx";
import { follow, workloadUrl } from "../../location.ts";
import { ClusterMark } from "../../parts/cluster-mark.tsx";
import { Secured } from "../../parts/secured.tsx";

/** The other ends of a workload's requests. */
export function Neighbours({
  title,
  neighbours,
  isMeasured,
}: {
  readonly title: string;
  readonly neighbours: readonly Neighbour[];
  readonly isMeasured: boolean;
}) {
  return (
    <section className="card table-card" aria-label={title}>
      <header>
        <h2>{title}</h2>
      </header>
      {neighbours.length === 0 ? (
        <p className="dimmer" style={{ padding: "10px 16px" }}>
          {isMeasured ? "Nobody in this range." : "Not measured yet."}
        </p>
      ) : (
        <table>
          <thead>
            <tr>
              <th>Who</th>
              <th className="right">rps</th>
              <th className="right">Failed</th>
              <th className="right">p95 ms</th>
              <th>mTLS</th>
            </tr>
          </thead>
          <tbody>
            {neighbours.map((one) => (
              <Row key={`${one.node.id} ${one.service} ${one.protocol}`} neighbour={one} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Row({ neighbour }: { readonly neighbour: Neighbour }) {
  const {
    node,
    requestsPerSecond: rate,
    failedPerSecond,
    latencyMs,
    mutualTls,
    crossesNetwork,
    protocol,
  } = neighbour;
  const failed = rate === 0 ? 0 : failedPerSecond / rate;
  const name = node.name === "unknown" ? "outside the mesh" : node.name;
  return (
    <tr>
      <td>
        <span className="row">
          {node.cluster === "unknown" ? null : <ClusterMark name={node.cluster} />}
          {node.kind === "workload" ? (
            <a
              className="link clip"
              href={workloadUrl({ ...node, kind: "Deployment" })}
              onClick={follow}
              title={`${node.namespace}/${node.name} in ${node.cluster}`}
            >
              {name}
            </a>
          ) : (
            <span className="clip">{name}</span>
          )}
          {crossesNetwork ? (
            <span className="dimmer" title="through the gateway of its network">
              <Icon name="gateway" size={14} />
            </span>
          ) : null}
          {protocol === "http" ? null : <span className="tag">{protocol}</span>}
        </span>
      </td>
      <td className="right bold">{protocol === "tcp" ? "–" : figure(rate)}</td>
      <td className={`right ${failed > 0 ? "fail bold" : "dim"}`}>{percentage(failed)} %</td>
      <td className="right">{latencyMs === undefined ? "–" : milliseconds(latencyMs.p95)}</td>
      <td>
        <Secured part={mutualTls} />
      </td>
    </tr>
  );
}
