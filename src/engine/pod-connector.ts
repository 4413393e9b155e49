import type { PodConnector, PodName } from "../apiserver/index.ts";
import { ApiError, type KubeClient, kinds } from "../kube/index.ts";
import { remoteClusterLabel } from "../management/index.ts";
import type { Peers } from "./peers.ts";

/**
 * What a cluster's API server asks about pods, answered by who runs them: the cluster's own nodes, or those of the cluster
 * that a virtual node stands for.
 */
export function createPodConnector(options: {
  /** The pods on the cluster's own nodes. */
  readonly own: PodConnector;
  client(): KubeClient;
  readonly peers: Peers;
}): PodConnector {
  const { own, client, peers } = options;
  const runs = async (pod: PodName): Promise<PodConnector> => {
    const found = await client().get(kinds.pods, pod.name, pod.namespace);
    const provider = await providerOf(client(), found?.spec.nodeName);
    if (provider === undefined) return own;
    const peer = peers.get(provider);
    if (peer === undefined) throw unavailable(pod, provider);
    return peer.pods;
  };
  return {
    async *logs(pod, ...rest) {
      yield* (await runs(pod)).logs(pod, ...rest);
    },
    exec: async (pod, ...rest) => (await runs(pod)).exec(pod, ...rest),
    attach: async (pod, ...rest) => (await runs(pod)).attach(pod, ...rest),
    portForward: async (pod, port) => (await runs(pod)).portForward(pod, port),
    async usage() {
      const { items: nodes } = await client().list(kinds.nodes, { labelSelector: remoteClusterLabel });
      const remote = nodes.map(async ({ metadata: { name, labels = {} } }) => {
        const peer = peers.get(labels[remoteClusterLabel] ?? "");
        if (peer === undefined) return [];
        const fieldSelector = `spec.nodeName=${name}`;
        const [{ items: pods }, usages] = await Promise.all([
          client().list(kinds.pods, { fieldSelector }),
          peer.pods.usage(),
        ]);
        const bound = new Set(pods.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
        return usages.filter(({ pod }) => bound.has(`${pod.namespace}/${pod.name}`));
      });
      return [...(await own.usage()), ...(await Promise.all(remote)).flat()];
    },
  };
}

/** The cluster that a node stands for; undefined when it is one of the cluster's own. */
async function providerOf(client: KubeClient, nodeName = ""): Promise<string | undefined> {
  if (nodeName === "") return undefined;
  const node = await client.get(kinds.nodes, nodeName);
  return node?.metadata.labels?.[remoteClusterLabel];
}

function unavailable({ namespace, name }: PodName, provider: string): ApiError {
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    code: 503,
    reason: "ServiceUnavailable",
    message: `${provider}, which runs the pod ${namespace}/${name}, is stopped; isthmus cluster start ${provider} starts it again`,
  });
}
