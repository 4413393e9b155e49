import type { FleetGateway, FleetMeshRow } from "../../../../src/console/api-fleet.ts";
import { clusterUrl, follow } from "../../location.ts";
import { ClusterName } from "../../parts/cluster-mark.tsx";
import { GatewayAddress } from "../../parts/gateway-address.tsx";
import { Empty, Status } from "../../parts/states.tsx";
import { Until } from "../../parts/until.tsx";

/** The control planes that the manager found in registered clusters. */
export function MeshTable({ meshes }: { readonly meshes: readonly FleetMeshRow[] }) {
  return (
    <section className="card table-card" aria-label="Meshes">
      <header>
        <h2 className="grow">Meshes</h2>
      </header>
      {meshes.length === 0 ? (
        <Empty title="No mesh was found yet">
          Every istiod of a registered cluster is listed here once its agent has told of it.
        </Empty>
      ) : (
        <table className="tall">
          <thead>
            <tr>
              <th>Cluster</th>
              <th>State</th>
              <th>Istio</th>
              <th>Trust domain</th>
              <th>Network</th>
              <th>Gateways</th>
              <th>Root</th>
              <th>Intermediate</th>
            </tr>
          </thead>
          <tbody>
            {meshes.map((mesh) => (
              <Row key={`${mesh.manager}/${mesh.name}`} mesh={mesh} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Row({ mesh }: { readonly mesh: FleetMeshRow }) {
  const { name, cluster, isReady, version, trustDomain, network, gateways, certificate, serves } = mesh;
  const others = serves.filter((one) => one !== cluster);
  return (
    <tr>
      <td title={name}>
        <a className="link" href={clusterUrl(cluster)} onClick={follow} data-row>
          <ClusterName name={cluster} />
        </a>
        {others.length === 0 ? null : <div className="tiny dimmer">serves {others.join(", ")}</div>}
      </td>
      <td>
        <Status tone={isReady === undefined ? "stale" : isReady ? "ok" : "fail"}>
          {isReady === undefined ? "not known" : isReady ? "ready" : "not ready"}
        </Status>
      </td>
      <td>{version ?? "–"}</td>
      <td className="mono">{trustDomain ?? "–"}</td>
      <td className="dim">{network ?? "flat"}</td>
      <td>
        {gateways.length === 0 ? (
          <span className="dimmer">none</span>
        ) : (
          gateways.map((gateway) => (
            <GatewayAddress key={`${gateway.namespace}/${gateway.name}`} {...placeOf(gateway)} />
          ))
        )}
      </td>
      <td title={certificate?.rootFingerprint}>
        {certificate === undefined ? "–" : <Until at={certificate.rootNotAfter} isShort />}
      </td>
      <td>
        {certificate?.intermediateNotAfter === undefined ? (
          "–"
        ) : (
          <Until at={certificate.intermediateNotAfter} />
        )}
      </td>
    </tr>
  );
}

/** Port that mesh traffic from other networks comes to. */
const crossNetworkPort = 15443;

function placeOf({ kind, addresses, ports }: FleetGateway) {
  const port = kind === "eastwest" ? ports.find((one) => one === crossNetworkPort) : undefined;
  return { kind, address: addresses.length === 0 ? undefined : addresses.join(", "), port };
}
