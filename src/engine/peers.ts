import type { PodConnector } from "../apiserver/index.ts";
import { ApiError, createKubeClient, type KubeClient, kinds, type Pod } from "../kube/index.ts";
import { homeUidAnnotation, originLabel, remoteClusterLabel } from "../management/index.ts";
import type { Destination, PodHome, ServiceAccountUser } from "../runtime/index.ts";
import { stoppedCluster } from "./stopped-cluster.ts";

/** What the clusters of a mesh ask of each other for pods that belong to one and run in another. */
export interface Peer {
  readonly client: KubeClient;
  clientAs(user: ServiceAccountUser): KubeClient;
  readonly apiService: Destination;
  /** The pods that run on the cluster's own nodes. */
  readonly pods: PodConnector;
}

/** Those that run now, by name. */
export type Peers = ReadonlyMap<string, Peer>;

/**
 * The home of a pod that `cluster` runs for another; undefined for its own. What a pod says of its home is believed only
 * when the pod of that name is there and bound to this cluster: else whoever may make pods here could read what is not
 * his. Requests fail with cluster/stopped while the home is away.
 */
export function homeOf(cluster: string, pod: Pod, peers: Peers): PodHome | undefined {
  const name = pod.metadata.labels?.[originLabel];
  const uid = pod.metadata.annotations?.[homeUidAnnotation];
  if (name === undefined || uid === undefined) return undefined;
  const peer = () => {
    const present = peers.get(name);
    if (present === undefined) throw stoppedCluster(name);
    return present;
  };
  let verified: Promise<void> | undefined;
  const verify = () => {
    verified ??= requireBound(peer().client, pod, { uid, cluster, home: name }).catch((reason: unknown) => {
      verified = undefined;
      throw reason;
    });
    return verified;
  };
  const asking = (client: () => KubeClient): KubeClient =>
    createKubeClient({
      async send(request, signal) {
        await verify();
        return client().transport.send(request, signal);
      },
    });
  return {
    client: asking(() => peer().client),
    clientAs: (user) => asking(() => peer().clientAs(user)),
    get apiService() {
      return peer().apiService;
    },
    uid,
  };
}

async function requireBound(
  client: KubeClient,
  { metadata: { name, namespace = "default" } }: Pod,
  { uid, cluster, home }: { readonly uid: string; readonly cluster: string; readonly home: string },
): Promise<void> {
  const pod = await client.get(kinds.pods, name, namespace);
  const nodeName = pod?.metadata.uid === uid ? pod.spec.nodeName : undefined;
  const node = nodeName === undefined ? undefined : await client.get(kinds.nodes, nodeName);
  if (node?.metadata.labels?.[remoteClusterLabel] === cluster) return;
  throw new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    code: 403,
    reason: "Forbidden",
    message: `${home} has no pod ${namespace}/${name} of this uid that is bound to ${cluster}`,
  });
}
