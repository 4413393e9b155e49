import { Fragment } from "react";
import type { MeshCluster, MeshLink, MeshPage } from "../../../../src/console/api.ts";
import { figure } from "../../format.ts";
import { Icon } from "../../icons.tsx";
import { follow } from "../../location.ts";
import { ClusterMark, ClusterName, useClusterLook } from "../../parts/cluster-mark.tsx";
import { clusterTone, clusterWord } from "../../parts/cluster-tone.ts";
import { Sparkline } from "../../parts/sparkline.tsx";
import { Status } from "../../parts/states.tsx";

/** Many clusters: a tile each on the band of its network, and who calls whom as a matrix instead of lines over lines. */
export function MeshMatrix({ mesh }: { readonly mesh: MeshPage }) {
  const networks = [...new Set(mesh.clusters.map(({ network }) => network))];
  return (
    <>
      <section className="tile-bands" aria-label="Clusters and networks">
        {networks.map((network) => {
          const members = mesh.clusters.filter((cluster) => cluster.network === network);
          return (
            <div key={network ?? ""} className="tile-band">
              <p>
                <b className="bold">{network ?? "One flat network"}</b>
              </p>
              <div className="tiles">
                {members.map((cluster) => (
                  <Tile key={cluster.name} cluster={cluster} />
                ))}
              </div>
            </div>
          );
        })}
      </section>
      {mesh.links.length === 0 ? null : <Matrix mesh={mesh} />}
    </>
  );
}

function Tile({ cluster }: { readonly cluster: MeshCluster }) {
  const { name, primary, hasControlPlane, proxies, served, gateways, lastSeen } = cluster;
  const { hue } = useClusterLook(name);
  const gateway = gateways.find(({ kind }) => kind === "eastwest");
  return (
    <a
      className={`card tile ${lastSeen === undefined ? "" : "is-stale"}`}
      href={`/workloads?cluster=${name}`}
      onClick={follow}
    >
      <span className="row tight">
        <ClusterMark name={name} />
        <b className="bold clip grow">{name}</b>
        <Status tone={clusterTone(cluster)}>{clusterWord(cluster)}</Status>
      </span>
      <span className="tiny dimmer clip">
        {hasControlPlane ? "own istiod" : `istiod in ${primary}`} ·{" "}
        <span className={proxies.synced === proxies.total ? undefined : "warn"}>
          {proxies.synced} of {proxies.total} proxies
        </span>
      </span>
      <span className="row">
        <Sparkline values={served?.history ?? []} width={84} height={18} hue={hue} />
        <span className="grow" />
        <span className="small nowrap">
          <b className="bold">{figure(served?.requestsPerSecond ?? 0)}</b> <span className="dim">rps</span>
        </span>
      </span>
      {gateway?.address === undefined ? null : (
        <span className="row tight tiny dimmer">
          <Icon name="gateway" size={12} />
          <span className="mono clip">
            {gateway.address}:{gateway.port}
          </span>
        </span>
      )}
    </a>
  );
}

function Matrix({ mesh: { clusters, links } }: { readonly mesh: MeshPage }) {
  const most = Math.max(...links.map(({ requestsPerSecond }) => requestsPerSecond), 1e-9);
  const linkOf = (from: string, to: string) => links.find((link) => link.from === from && link.to === to);
  return (
    <section className="card matrix-card" aria-label="Who calls whom">
      <header>
        <h2>Who calls whom</h2>
        <span className="small dimmer">
          rows call columns, in requests per second; dark is more, red fails
        </span>
      </header>
      <div
        className="matrix"
        style={{ gridTemplateColumns: `minmax(96px, auto) repeat(${clusters.length}, minmax(0, 1fr))` }}
      >
        <span />
        {clusters.map(({ name }) => (
          <span key={name} className="matrix-head" title={name}>
            <ClusterMark name={name} />
          </span>
        ))}
        {clusters.map(({ name: from }) => (
          <Fragment key={from}>
            <span className="matrix-row small">
              <ClusterName name={from} />
            </span>
            {clusters.map(({ name: to }) => (
              <Cell key={to} from={from} to={to} link={linkOf(from, to)} most={most} />
            ))}
          </Fragment>
        ))}
      </div>
    </section>
  );
}

function Cell({
  from,
  to,
  link,
  most,
}: {
  readonly from: string;
  readonly to: string;
  readonly link: MeshLink | undefined;
  readonly most: number;
}) {
  const rate = link?.requestsPerSecond ?? 0;
  const isFailing = link !== undefined && (link.isCut || link.failedPerSecond > 0);
  const depth = rate === 0 ? 0 : 0.08 + 0.42 * Math.sqrt(rate / most);
  const words = link?.isCut === true ? "cut" : `${figure(rate)} rps${isFailing ? ", some fail" : ""}`;
  return (
    <span
      className={`matrix-cell ${isFailing ? "is-failing" : ""} ${rate === 0 ? "is-idle" : ""}`}
      style={{ "--depth": `${Math.round(depth * 100)}%` } as React.CSSProperties}
      title={`${from} → ${to}: ${words}`}
    >
      {rate === 0 ? (link?.isCut === true ? "×" : "") : figure(rate)}
    </span>
  );
}
