import { createResourceMap, findRelease, type HelmRelease } from "../apply/index.ts";
import { type KubeClient, type KubeObject, kinds, type Secret } from "../kube/index.ts";

/** A cluster as it is found, by a context of a kubeconfig. */
export interface LiveCluster {
  readonly context: string;
  /** Of every kind that can be listed; Secrets without their values. */
  readonly objects: readonly KubeObject[];
  readonly releases: readonly HelmRelease[];
}

/** Kinds that tell what happened, or what controllers make of other objects. */
const passing = new Set([
  "Event",
  "Endpoints",
  "EndpointSlice",
  "Lease",
  "ControllerRevision",
  "ReplicaSet",
  "PodMetrics",
  "NodeMetrics",
]);

/** Requests to one API server at a time. */
const width = 8;

/** Reads a cluster as a whole. Values of Secrets are dropped at once, but for the records of Helm. */
export async function readLive(context: string, client: KubeClient): Promise<LiveCluster> {
  const wanted = (await createResourceMap(client).listableKinds()).filter(({ kind }) => !passing.has(kind));
  const lists: (readonly KubeObject[])[] = [];
  let next = 0;
  const work = async () => {
    for (let at = next++; at < wanted.length; at = next++) {
      const kind = wanted[at];
      if (kind !== undefined) lists[at] = (await client.list(kind)).items;
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  const objects = lists.flat();
  const names = new Map<string, { readonly name: string; readonly namespace: string }>();
  for (const { kind, metadata } of objects) {
    const { owner, name } = metadata.labels ?? {};
    if (kind !== "Secret" || owner !== "helm" || name === undefined) continue;
    const namespace = metadata.namespace ?? "default";
    names.set(`${namespace}/${name}`, { name, namespace });
  }
  const releases = await Promise.all(
    [...names.values()].map(({ name, namespace }) => findRelease(client, name, namespace)),
  );
  return {
    context,
    objects: objects.map((object) => (object.kind === kinds.secrets.kind ? withoutValues(object) : object)),
    releases: releases.filter((release) => release !== undefined),
  };
}

/** Names of the values stay: they tell which clusters a remote credential is for. */
function withoutValues(object: KubeObject): KubeObject {
  const { data = {}, stringData: _, ...secret } = object as Secret;
  const { annotations: { [lastApplied]: __, ...annotations } = {} } = secret.metadata;
  return {
    ...secret,
    metadata: { ...secret.metadata, annotations },
    data: Object.fromEntries(Object.keys(data).map((name) => [name, ""])),
  };
}

/** Where kubectl keeps what it applied, values of Secrets included. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";
