import { IsthmusError } from "../../base/index.ts";
import {
  isApiError,
  isReflected,
  type Kind,
  type KubeClient,
  type KubeObject,
  type ListOptions,
} from "../../kube/index.ts";
import type { CheckedCluster, ClusterView, UnreadCluster } from "../contracts.ts";
import { makeView, type ObjectsByKind } from "./make-view.ts";
import { readKinds } from "./read-kinds.ts";
import { viewObjects } from "./view-objects.ts";

/** Milliseconds until an API that does not answer counts as away. */
const patience = 5000;

/** Reads what the checks look at. A cluster whose API does not answer in time is given with the reason; never rejects. */
export async function readCluster({
  client,
  applied = [],
  ...cluster
}: CheckedCluster): Promise<ClusterView | UnreadCluster> {
  if ("away" in client) {
    const { away, ...wayOut } = client;
    return { ...cluster, reason: away, ...wayOut };
  }
  try {
    const objects = await inTime(readObjects(client));
    if (applied.length === 0) return makeView(cluster, objects);
    const present = Object.values(objects).flatMap((list) => list.map((object) => ({ object })));
    return viewObjects(cluster, [...present, ...applied]);
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

async function readObjects(client: KubeClient): Promise<ObjectsByKind> {
  const read = Object.entries(readKinds).map(
    async ([name, { kind, ...rest }]) =>
      [name, await items(client, kind, "options" in rest ? rest.options : undefined)] as const,
  );
  return Object.fromEntries(await Promise.all(read));
}

/** Kinds that the API does not serve count as empty. What stands for an object of another cluster is looked at there. */
async function items(
  client: KubeClient,
  kind: Kind,
  options: ListOptions | undefined,
): Promise<readonly KubeObject[]> {
  try {
    return (await client.list(kind, options)).items.filter((object) => !isReflected(object));
  } catch (reason) {
    if (isApiError(reason, 404)) return [];
    throw reason;
  }
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
