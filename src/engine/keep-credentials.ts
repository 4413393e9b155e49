import { type Logger, systemClock } from "../base/index.ts";
import { clustersReadBy } from "../compile/index.ts";
import { kinds, systemNamespace as namespace, remoteSecretName, startInformer } from "../kube/index.ts";
import { keepRemoteCredential } from "../management/index.ts";
import type { Mesh } from "../mesh/index.ts";
import type { RunningCluster } from "./wire.ts";

/** Keeps alive what control planes read other clusters with, where the mesh file gives it an end, until `signal` aborts. */
export function keepCredentials(
  mesh: Mesh,
  clusters: ReadonlyMap<string, RunningCluster>,
  signal: AbortSignal,
  log: Logger,
): void {
  const { credentialLifetime: lifetime } = mesh;
  if (lifetime === undefined) return;
  for (const { cluster, client } of clusters.values())
    for (const remote of clustersReadBy(cluster, mesh)) {
      const other = clusters.get(remote);
      if (other === undefined) continue;
      const fieldSelector = `metadata.name=${remoteSecretName(remote)}`;
      keepRemoteCredential({
        ...{ cluster: cluster.name, client, remote, remoteClient: other.client, lifetime },
        secrets: startInformer(client, kinds.secrets, { namespace, fieldSelector, signal, log }),
        ...{ clock: systemClock, signal, log },
      });
    }
}
