import { clusterKinds, configKinds } from "../discovery/index.ts";
import {
  groupVersion,
  isApiError,
  type Kind,
  type KubeClient,
  type KubeObject,
  kinds,
  objectKey,
  type Secret,
  systemNamespace,
} from "../kube/index.ts";

/** One cluster at one moment, as far as traffic in the mesh depends on its objects. */
export interface ClusterObjects {
  readonly cluster: string;
  /** By `objectId`. */
  readonly objects: ReadonlyMap<string, KubeObject>;
}

/** What tells objects apart, in all versions of their kind. */
export function objectId(object: KubeObject): string {
  return `${groupVersion(object.apiVersion).group} ${object.kind} ${objectKey(object)}`;
}

/** What control planes read of a cluster, and the workloads that its pods come from. */
const wholeKinds: readonly Kind[] = [
  ...clusterKinds.filter((name) => name !== "secrets").map((name) => kinds[name]),
  ...configKinds.map((name) => kinds[name]),
  kinds.deployments,
  kinds.statefulSets,
  kinds.daemonSets,
];

/** Label of the Secrets by which a control plane knows the clusters that it reads. */
export const remoteSecretLabel = "istio/multiCluster";

/**
 * Reads what traffic depends on; of Secrets only which clusters Istio's remote credentials are for. Kinds that the
 * cluster does not serve count as empty.
 */
export async function readClusterObjects(cluster: string, client: KubeClient): Promise<ClusterObjects> {
  const lists = await Promise.all([
    ...wholeKinds.map((kind) => listOf(client, kind)),
    listOf(client, kinds.configMaps, { namespace: systemNamespace }),
    listOf(client, kinds.secrets, { namespace: systemNamespace, labelSelector: `${remoteSecretLabel}=true` }),
  ]);
  const objects = lists.flat().map((object) => (object.kind === "Secret" ? withoutValues(object) : object));
  return { cluster, objects: new Map(objects.map((object) => [objectId(object), object])) };
}

async function listOf(
  client: KubeClient,
  kind: Kind,
  options: Parameters<KubeClient["list"]>[1] = {},
): Promise<readonly KubeObject[]> {
  try {
    return (await client.list(kind, options)).items;
  } catch (reason) {
    if (isApiError(reason, 404)) return [];
    throw reason;
  }
}

function withoutValues(secret: KubeObject): KubeObject {
  const { data = {} } = secret as Secret;
  return { ...secret, data: Object.fromEntries(Object.keys(data).map((name) => [name, ""])) };
}
