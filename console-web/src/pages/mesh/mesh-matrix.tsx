import type { MeshCluster, MeshPage } from "../../../../src/console/api.ts";
import { figure } from "../../format.ts";
import { Icon } from "../../icons.tsx";
import { clusterUrl, follow } from "../../location.ts";
import { ClusterMark, useClusterLook } from "../../parts/cluster-mark.tsx";
import { clusterTone, clusterWord } from "../../parts/cluster-tone.ts";
import { Sparkline } from "../../parts/sparkline.tsx";
import { Status } from "../../parts/states.tsx";
import { bandsOf } from "./bands.ts";
import { Matrix } from "./matrix.tsx";

/** Many clusters: a tile each on the band of its network, and who calls whom as a matrix instead of lines over lines. */
export function MeshMatrix({ mesh }: { readonly mesh: MeshPage }) {
  return (
    <>
      <section className="tile-bands" aria-label="Clusters and networks">
        {bandsOf(mesh.clusters).map(({ title, clusters }) => (
          <div key={title} className="tile-band">
            <p>
              <b className="bold">{title}</b>
            </p>
            <div className="tiles">
              {clusters.map((cluster) => (
                <Tile key={cluster.name} cluster={cluster} />
              ))}
            </div>
          </div>
        ))}
      </section>
      {mesh.links.length === 0 ? null : (
        <Matrix clusters={mesh.clusters.map(({ name }) => name)} links={mesh.links} />
      )}
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
      href={clusterUrl(name)}
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
