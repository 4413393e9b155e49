import type { MeshPage } from "../../../../src/console/api.ts";
import { ClusterName } from "../../parts/cluster-mark.tsx";
import { Status } from "../../parts/states.tsx";

const tones = { Established: "ok", Pending: "warn", Unreachable: "fail" } as const;

/** Clusters that run pods for others. */
export function Peerings({ mesh: { peerings } }: { readonly mesh: MeshPage }) {
  if (peerings.length === 0) return null;
  return (
    <section className="card table-card" aria-label="Peerings">
      <table>
        <thead>
          <tr>
            <th>Peering</th>
            <th>State</th>
            <th>Granted</th>
            <th className="right">Round trip there, ms</th>
            <th className="right">and back, ms</th>
          </tr>
        </thead>
        <tbody>
          {peerings.map(({ consumer, provider, state, problem, resources, roundTrip }) => (
            <tr key={`${consumer} ${provider}`}>
              <td>
                <span className="row">
                  <ClusterName name={consumer} />
                  <span className="dimmer">runs pods in</span>
                  <ClusterName name={provider} />
                </span>
              </td>
              <td title={problem}>
                <Status tone={tones[state]}>{state}</Status>
                {problem === undefined ? null : <span className="small dim"> {problem}</span>}
              </td>
              <td className="dim">
                {Object.entries(resources)
                  .map(([name, amount]) => `${amount} ${name}`)
                  .join(", ")}
              </td>
              <td className="right">{roundTrip.toProvider ?? "none"}</td>
              <td className="right">{roundTrip.toConsumer ?? "none"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
