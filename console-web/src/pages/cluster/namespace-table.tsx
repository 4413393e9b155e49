import type { ClusterNamespace } from "../../../../src/console/api-fleet.ts";
import { follow } from "../../location.ts";
import { PartOf } from "../../parts/part-of.tsx";
import { Status } from "../../parts/states.tsx";

/** The namespaces of a cluster: which of them are in the mesh, and what is in each. */
export function NamespaceTable({
  cluster,
  namespaces,
}: {
  readonly cluster: string;
  readonly namespaces: readonly ClusterNamespace[] | undefined;
}) {
  if (namespaces === undefined || namespaces.length === 0) return null;
  return (
    <section className="card table-card" aria-label="Namespaces">
      <table>
        <thead>
          <tr>
            <th>Namespace</th>
            <th>Proxies are injected</th>
            <th className="right">Workloads</th>
            <th className="right">Pods ready</th>
            <th className="right">Services</th>
          </tr>
        </thead>
        <tbody>
          {namespaces.map(({ name, isInjected, workloads, pods, services }) => (
            <tr key={name}>
              <td>
                <a
                  className="link"
                  href={`/workloads?cluster=${cluster}&ns=${name}&show=all`}
                  onClick={follow}
                  data-row
                >
                  {name}
                </a>
              </td>
              <td>
                <Status tone={isInjected ? "ok" : "stale"}>{isInjected ? "yes" : "no"}</Status>
              </td>
              <td className={`right ${workloads === 0 ? "dimmer" : ""}`}>{workloads}</td>
              <td className="right">
                <PartOf part={pods.ready} total={pods.total} />
              </td>
              <td className={`right ${services === 0 ? "dimmer" : ""}`}>{services}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
