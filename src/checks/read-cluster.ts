import { IsthmusError } from "../base/index.ts";
import {
  isApiError,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  type Secret,
} from "../kube/index.ts";
import type { CheckedCluster, ClusterView, UnreadCluster } from "./contracts.ts";
import { systemNamespace } from "./labels.ts";

/** Milliseconds until an API that does not answer counts as away. */
const patience = 5000;

const otherKinds = [
  kinds.serviceEntries,
  kinds.workloadEntries,
  kinds.sidecars,
  kinds.peerAuthentications,
  kinds.authorizationPolicies,
  kinds.telemetries,
] as const;

/** Reads what the checks look at. A cluster whose API does not answer in time is given with the reason; never rejects. */
export async function readCluster({
  client,
  ...cluster
}: CheckedCluster): Promise<ClusterView | UnreadCluster> {
  if ("away" in client) return { ...cluster, reason: client.away, fix: client.fix };
  try {
    return { ...cluster, ...(await inTime(readObjects(client))) };
  } catch (reason) {
    const fix =
      (reason instanceof IsthmusError ? reason.nextStep : undefined) ??
      `see why kubectl --context ${cluster.name} version gets no answer`;
    return { ...cluster, reason: reason instanceof Error ? reason.message : String(reason), fix };
  }
}

/** Tells the two answers of readCluster apart. */
export function isRead(cluster: ClusterView | UnreadCluster): cluster is ClusterView {
  return "pods" in cluster;
}

async function readObjects(client: KubeClient): Promise<Omit<ClusterView, keyof CheckedCluster>> {
  const [namespaces, services, endpointSlices, pods, deployments, secrets, ...istio] = await Promise.all([
    items(client, kinds.namespaces),
    items(client, kinds.services),
    items(client, kinds.endpointSlices, { namespace: systemNamespace }),
    items(client, kinds.pods),
    items(client, kinds.deployments),
    items(client, kinds.secrets, { namespace: systemNamespace, labelSelector: "istio/multiCluster=true" }),
    items(client, kinds.gateways),
    items(client, kinds.virtualServices),
    items(client, kinds.destinationRules),
    ...otherKinds.map((kind) => items(client, kind)),
  ]);
  const [gateways = [], virtualServices = [], destinationRules = [], ...others] = istio;
  return {
    namespaces,
    services,
    endpointSlices,
    pods,
    deployments,
    remoteSecrets: secrets.map(remoteSecret),
    gateways,
    virtualServices,
    destinationRules,
    otherRules: others.flat(),
  };
}

/** Kinds that the API does not serve count as empty. */
async function items<T extends KubeObject>(
  client: KubeClient,
  kind: Kind<T>,
  options?: { readonly namespace?: string; readonly labelSelector?: string },
): Promise<readonly T[]> {
  try {
    return (await client.list(kind, options)).items;
  } catch (reason) {
    if (isApiError(reason, 404)) return [];
    throw reason;
  }
}

function remoteSecret({ metadata, data = {} }: Secret) {
  return { name: metadata.name, clusters: Object.keys(data) };
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`its API did not answer within ${patience / 1000} s`)),
      patience,
    );
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
