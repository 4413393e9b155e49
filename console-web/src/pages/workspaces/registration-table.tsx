import type { RegistrationRow } from "../../../../src/console/api-fleet.ts";
import { clusterUrl, follow } from "../../location.ts";
import { Ago } from "../../parts/age.tsx";
import { ClusterName } from "../../parts/cluster-mark.tsx";
import { Status } from "../../parts/states.tsx";

const tones = { Connected: "ok", Waiting: "warn", Disconnected: "fail" } as const;

/** The clusters that are registered, and when their agents were heard of. */
export function RegistrationTable({ registrations }: { readonly registrations: readonly RegistrationRow[] }) {
  if (registrations.length === 0) return null;
  return (
    <section className="card table-card" aria-label="Registered clusters">
      <header>
        <h2 className="grow">Registered clusters</h2>
      </header>
      <table>
        <thead>
          <tr>
            <th>Cluster</th>
            <th>Agent</th>
            <th>Heard of</th>
            <th>Its version</th>
            <th>Kubernetes</th>
            <th>Registered on</th>
          </tr>
        </thead>
        <tbody>
          {registrations.map((one) => (
            <tr key={`${one.manager}/${one.cluster}`}>
              <td>
                <a className="link" href={clusterUrl(one.cluster)} onClick={follow} data-row>
                  <ClusterName name={one.cluster} />
                </a>
              </td>
              <td title={one.message}>
                <Status tone={tones[one.state]}>{one.state}</Status>
                {one.message === undefined ? null : <div className="small dim">{one.message}</div>}
              </td>
              <td className="dim">
                {one.lastHeartbeat === undefined ? "never" : <Ago at={one.lastHeartbeat} />}
              </td>
              <td className="dim">{one.agentVersion ?? "–"}</td>
              <td className="dim">{one.kubernetesVersion ?? "–"}</td>
              <td>
                <ClusterName name={one.manager} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
