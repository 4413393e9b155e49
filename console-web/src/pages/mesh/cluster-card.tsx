import type { MeshCluster, MeshPage } from "../../../../src/console/api.ts";
import { count, figure } from "../../format.ts";
import { follow } from "../../location.ts";
import { Ago } from "../../parts/age.tsx";
import { ClusterMark, useClusterLook } from "../../parts/cluster-mark.tsx";
import { clusterTone, clusterWord } from "../../parts/cluster-tone.ts";
import { Sparkline } from "../../parts/sparkline.tsx";
import { Status } from "../../parts/states.tsx";
import { ClusterSwitch } from "./cluster-switch.tsx";

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
  const { name, region, lastSeen, proxies, pods, workloads, gateways, served, role } = cluster;
  const { hue } = useClusterLook(name);
  const ingress = gateways.find(({ kind }) => kind === "ingress");
  const [plane, planeNote] = controlPlane(cluster, mesh);
  return (
    <>
      <div className="row" style={{ gap: 10 }}>
        <ClusterMark name={name} isLarge />
        <div className="grow">
          <a
            className="bold clip cluster-link"
            href={`/workloads?cluster=${name}`}
            onClick={follow}
            title={`Workloads of ${name}`}
          >
            {name}
          </a>
          <div className="small dimmer clip">
            {region ?? (role === "management" ? "management" : "no region")}
          </div>
        </div>
        <ClusterSwitch cluster={cluster} />
        <Status tone={clusterTone(cluster)}>
          {clusterWord(cluster)}
          <span className="dimmer">
            · {lastSeen === undefined ? "now" : lastSeen === 0 ? "never" : <Ago at={lastSeen} />}
          </span>
        </Status>
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

function controlPlane(
  { name, primary, role, registry, istioVersion }: MeshCluster,
  mesh: MeshPage,
): readonly [value: string, note: string] {
  if (role === "management") return ["none", "management only"];
  if (primary === name) return [`istiod ${istioVersion}`, "own"];
  const crosses =
    mesh.clusters.find((one) => one.name === primary)?.network !==
    mesh.clusters.find((one) => one.name === name)?.network;
  if (registry !== undefined && registry !== "synced") return [`istiod in ${primary}`, registry];
  return [`istiod in ${primary}`, crosses ? "by gateway" : ""];
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
