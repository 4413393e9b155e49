import type { ClusterNode } from "../../../../src/console/api-fleet.ts";
import { PartOf } from "../../parts/part-of.tsx";
import { Empty, Status } from "../../parts/states.tsx";

/** The nodes of a cluster, with the pods on each. */
export function NodeTable({ nodes }: { readonly nodes: readonly ClusterNode[] }) {
  return (
    <section className="card table-card" aria-label="Nodes">
      {nodes.length === 0 ? (
        <Empty title="No nodes are known">They are listed here once the cluster's API has answered.</Empty>
      ) : (
        <table>
          <thead>
            <tr>
              <th>Node</th>
              <th>State</th>
              <th>Version</th>
              <th>Zone</th>
              <th>Address</th>
              <th>Addresses of pods</th>
              <th className="right">Pods ready</th>
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <tr key={node.name}>
                <td>
                  {node.name} {node.isVirtual ? <span className="tag">virtual</span> : null}
                </td>
                <td title={node.trouble}>
                  <Status tone={node.isReady ? (node.isCordoned ? "warn" : "ok") : "fail"}>
                    {node.isReady ? "ready" : "not ready"}
                    {node.isCordoned ? ", takes no pods" : ""}
                  </Status>
                </td>
                <td className="dim">{node.version ?? "–"}</td>
                <td className="dim">{node.zone ?? "–"}</td>
                <td className="mono">{node.address ?? "–"}</td>
                <td className="mono">{node.podRange ?? "–"}</td>
                <td className="right">
                  <PartOf part={node.pods?.ready} total={node.pods?.total} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
