import type { ClusterRow, ClustersPage } from "../../../../src/console/api-fleet.ts";
import { count } from "../../format.ts";
import { useLive } from "../../live.ts";
import { clusterUrl, follow } from "../../location.ts";
import { ClusterMark } from "../../parts/cluster-mark.tsx";
import { ClusterState } from "../../parts/cluster-state.tsx";
import { ClusterSwitch } from "../../parts/cluster-switch.tsx";
import { controlPlane } from "../../parts/control-plane.ts";
import { GatewayAddress } from "../../parts/gateway-address.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { PartOf } from "../../parts/part-of.tsx";
import { Away } from "../../parts/states.tsx";
import { Until } from "../../parts/until.tsx";
import { PageBody, Top } from "../../shell/top.tsx";

/** What are my clusters, and is any of them behind the others? */
export function Clusters() {
  const { body, failure } = useLive<ClustersPage>("/api/clusters");
  return (
    <>
      <Top title="Clusters" summary={body === undefined ? "" : summaryOf(body.clusters)} />
      <PageBody>
        <Loaded {...{ body, failure }} heights={[320]}>
          {(body) => (
            <>
              {body.clusters
                .filter(({ lastSeen, state }) => lastSeen !== undefined && state !== "stopped")
                .map(({ name, lastSeen = 0, waitingFor = "" }) => (
                  <Away key={name} cluster={name} since={lastSeen} reason={waitingFor} />
                ))}
              <section className="card table-card" aria-label="Clusters">
                <table className="tall clusters">
                  <thead>
                    <tr>
                      <th>Cluster</th>
                      <th>State</th>
                      <th>Kubernetes</th>
                      <th>Control plane</th>
                      <th>Network</th>
                      <th className="right">Nodes</th>
                      <th className="right">Pods ready</th>
                      <th className="right">Proxies synced</th>
                      <th>Gateways</th>
                      <th title="What ends first of all that its workloads' certificates hang on">
                        Certificates
                      </th>
                      <th aria-label="Stop or start" />
                    </tr>
                  </thead>
                  <tbody>
                    {body.clusters.map((cluster) => (
                      <Row key={cluster.name} cluster={cluster} clusters={body.clusters} />
                    ))}
                  </tbody>
                </table>
              </section>
            </>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}

function Row({
  cluster,
  clusters,
}: {
  readonly cluster: ClusterRow;
  readonly clusters: readonly ClusterRow[];
}) {
  const { name, region, role, network, nodes, pods, proxies, gateways, firstEnd, lastSeen } = cluster;
  const [plane, note] = controlPlane(cluster, clusters);
  return (
    <tr className={lastSeen === undefined ? undefined : "is-stale"}>
      <td>
        <span className="row">
          <ClusterMark name={name} />
          <span className="grow">
            <div className="clip">
              <a className="link bold" href={clusterUrl(name)} onClick={follow} title={name} data-row>
                {name}
              </a>
            </div>
            <div className="tiny dimmer clip">
              {region ?? (role === "management" ? "management" : "no region")}
            </div>
          </span>
        </span>
      </td>
      <td>
        <ClusterState cluster={cluster} isTall />
      </td>
      <td className="dim">{cluster.kubernetesVersion}</td>
      <td>
        {plane}
        <div className={`tiny ${note === "" || role === "management" ? "dimmer" : "dim"}`}>{note}</div>
      </td>
      <td className="dim" title={network}>
        {network ?? (role === "management" ? "–" : "flat")}
      </td>
      <td className="right">
        <PartOf part={nodes?.ready} total={nodes?.total} />
      </td>
      <td className="right">
        <PartOf part={pods.ready} total={pods.total} />
      </td>
      <td className="right">
        <PartOf part={proxies.synced} total={proxies.total} />
      </td>
      <td className="gateways">
        {gateways.length === 0 ? (
          <span className="dimmer">none</span>
        ) : (
          gateways.map((gateway) => (
            <GatewayAddress key={`${gateway.namespace}/${gateway.name}`} {...gateway} />
          ))
        )}
      </td>
      <td>
        {firstEnd === undefined ? (
          <span className="dimmer">none</span>
        ) : (
          <>
            <Until at={firstEnd.at} isShort />
            <div className="tiny dimmer">{firstEnd.of}</div>
          </>
        )}
      </td>
      <td className="right">
        <ClusterSwitch cluster={cluster} />
      </td>
    </tr>
  );
}

function summaryOf(clusters: readonly ClusterRow[]): string {
  const away = clusters.filter(({ lastSeen }) => lastSeen !== undefined).length;
  const versions = new Set(
    clusters.filter(({ role }) => role === "workload").map(({ istioVersion }) => istioVersion),
  );
  return [
    count(clusters.length, "cluster"),
    away > 0 ? `${away} away` : "all answering",
    versions.size > 1 ? `${versions.size} versions of Istio` : `Istio ${[...versions].join("")}`,
  ].join(", ");
}
