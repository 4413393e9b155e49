import type { TrafficEdge } from "../../../../src/console/api.ts";
import { byteRate, figure, milliseconds, percentage } from "../../format.ts";
import { ClusterMark } from "../../parts/cluster-mark.tsx";
import { Secured } from "../../parts/secured.tsx";
import type { Expression } from "./find.ts";
import { type DrawnNode, edgeId, type GraphModel } from "./graph-model.ts";

const most = 300;

/** The graph in words: an edge a row. */
export function EdgeTable({
  model,
  find,
}: {
  readonly model: GraphModel;
  readonly find: Expression | undefined;
}) {
  const isFound = (edge: TrafficEdge) => {
    const ends = [model.byId.get(edge.from)?.node, model.byId.get(edge.to)?.node];
    return (
      find === undefined ||
      find.matchesEdge(edge) ||
      ends.some((node) => node !== undefined && find.matchesNode(node))
    );
  };
  const edges = model.edges.filter(isFound).sort((a, b) => b.requestsPerSecond - a.requestsPerSecond);
  return (
    <section className="card table-card" aria-label="Traffic as a table">
      <table>
        <thead>
          <tr>
            <th>From</th>
            <th>To</th>
            <th>Protocol</th>
            <th className="right">rps</th>
            <th className="right">Share</th>
            <th className="right">Failed</th>
            <th className="right">p95 ms</th>
            <th className="right">Bytes</th>
            <th>mTLS</th>
          </tr>
        </thead>
        <tbody>
          {edges.slice(0, most).map((edge) => {
            const { requestsPerSecond: rate, failedPerSecond, latencyMs, bytesPerSecond, protocol } = edge;
            return (
              <tr key={edgeId(edge)}>
                <td>
                  <End drawn={model.byId.get(edge.from)} />
                </td>
                <td>
                  <End drawn={model.byId.get(edge.to)} />
                </td>
                <td className="dim">{protocol}</td>
                <td className="right bold">{protocol === "tcp" ? "–" : figure(rate)}</td>
                <td className="right">{Math.round(edge.share * 100)} %</td>
                <td className={`right ${failedPerSecond > 0 ? "fail bold" : "dim"}`}>
                  {rate === 0 ? "–" : `${percentage(failedPerSecond / rate)} %`}
                </td>
                <td className="right">{latencyMs === undefined ? "–" : milliseconds(latencyMs.p95)}</td>
                <td className="right dim">{byteRate(bytesPerSecond.sent + bytesPerSecond.received)}</td>
                <td>
                  <Secured part={edge.mutualTls} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {edges.length > most ? (
        <p className="small dimmer" style={{ padding: "8px 12px" }}>
          and {edges.length - most} more: narrow the graph to see them
        </p>
      ) : null}
    </section>
  );
}

function End({ drawn }: { readonly drawn: DrawnNode | undefined }) {
  if (drawn === undefined) return null;
  const { node, title } = drawn;
  return (
    <span className="row tight">
      {node.cluster === "unknown" ? null : <ClusterMark name={node.cluster} />}
      <span className="said">{node.cluster}</span>
      {title}
      {node.version === undefined || node.version === "unknown" ? null : (
        <span className="dimmer">{node.version}</span>
      )}
      {node.kind === "service" || node.kind === "gateway" ? <span className="tag">{node.kind}</span> : null}
    </span>
  );
}
