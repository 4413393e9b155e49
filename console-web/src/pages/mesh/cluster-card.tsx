import type { MeshCluster, MeshPage } from "../../../../src/console/api.ts";
import { count, figure } from "../../format.ts";
import { clusterUrl, follow } from "../../location.ts";
import { ClusterMark, useClusterLook } from "../../parts/cluster-mark.tsx";
import { ClusterState } from "../../parts/cluster-state.tsx";
import { ClusterSwitch } from "../../parts/cluster-switch.tsx";
import { controlPlane } from "../../parts/control-plane.ts";
import { Sparkline } from "../../parts/sparkline.tsx";

/** One cluster: who it is, who controls it, what runs in it, what it serves. */
export function ClusterCard({
  cluster,
  mesh,
  width,
}: {
  readonly cluster: MeshCluster;
  readonly mesh: MeshPage;
  readonly width: number;
}) {
  const { name, region, proxies, pods, workloads, gateways, served, role } = cluster;
  const { hue } = useClusterLook(name);
  const ingress = gateways.find(({ kind }) => kind === "ingress");
  const [plane, planeNote] = controlPlane(cluster, mesh.clusters);
  return (
    <>
      <div className="row" style={{ gap: 10 }}>
        <ClusterMark name={name} isLarge />
        <div className="grow">
          <a className="bold clip cluster-link" href={clusterUrl(name)} onClick={follow}>
            {name}
          </a>
          <div className="small dimmer clip">
            {region ?? (role === "management" ? "management" : "no region")}
          </div>
        </div>
        <ClusterSwitch cluster={cluster} />
        <ClusterState cluster={cluster} />
      </div>
      <dl className="facts">
        <Fact name="Control plane" value={plane} note={planeNote} />
        <Fact
          name="Proxies"
          value={`${proxies.synced} of ${proxies.total}`}
          note={proxies.synced === proxies.total ? "in sync" : "behind"}
          isWrong={proxies.synced !== proxies.total}
        />
        <Fact
          name="Workloads"
          value={`${workloads}, in ${count(pods.total, "pod")}`}
          note={pods.ready === pods.total ? "" : `${pods.total - pods.ready} not ready`}
          isWrong={pods.ready !== pods.total}
        />
        <Fact
          name="Ingress"
          value={ingress === undefined ? "none" : (ingress.url?.replace("http://", "") ?? "no address yet")}
          isCode={ingress?.url !== undefined}
        />
      </dl>
      <div className="row small served">
        <span className="dimmer">Served here</span>
        <span className="grow" />
        {served === undefined ? (
          <span className="dimmer">no requests</span>
        ) : (
          <span>
            <b className="bold">{figure(served.requestsPerSecond)}</b> <span className="dim">rps</span>
            {served.failedPerSecond > 0 ? (
              <span className="fail"> · {figure(served.failedPerSecond)} failing</span>
            ) : null}
          </span>
        )}
      </div>
      <Sparkline values={served?.history ?? []} width={width - 40} height={26} hue={hue} />
    </>
  );
}

function Fact({
  name,
  value,
  note = "",
  isWrong = false,
  isCode = false,
}: {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
  readonly isWrong?: boolean;
  readonly isCode?: boolean;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="clip">
        <span className={isCode ? "mono" : undefined}>{value}</span>{" "}
        <span className={isWrong ? "warn" : "dimmer"}>{note}</span>
      </dd>
    </div>
  );
}
