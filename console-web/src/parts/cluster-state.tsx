import type { MeshCluster } from "../../../src/console/api.ts";
import { Ago } from "./age.tsx";
import { clusterTone, clusterWord } from "./cluster-tone.ts";
import { Status } from "./states.tsx";

/** How a cluster stands, with the age of what is known of it when it does not answer. */
export function ClusterState({
  cluster,
  isTall = false,
}: {
  readonly cluster: Pick<MeshCluster, "state" | "lastSeen">;
  /** The age on a line of its own. */
  readonly isTall?: boolean;
}) {
  const { lastSeen } = cluster;
  const age = lastSeen === undefined ? "now" : lastSeen === 0 ? "never" : <Ago at={lastSeen} />;
  if (isTall)
    return (
      <>
        <Status tone={clusterTone(cluster)}>{clusterWord(cluster)}</Status>
        <div className="tiny dimmer">{age}</div>
      </>
    );
  return (
    <Status tone={clusterTone(cluster)}>
      {clusterWord(cluster)}
      <span className="dimmer">· {age}</span>
    </Status>
  );
}
