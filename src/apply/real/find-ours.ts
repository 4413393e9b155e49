import { apiVersionOf, type Kind, type KubeClient, type KubeObject } from "../../kube/index.ts";
import { isMadeByManagement } from "../../management/index.ts";
import { isReleaseEntry } from "../helm/release-entry.ts";
import { type InventoryEntry, isApplied, isBare, type ListedObjects, readInventory } from "../inventory.ts";
import { entryName } from "../leftovers.ts";
import { createResourceMap, type ResourceMap } from "../resource-map.ts";
import { isRuntimeObject } from "./istio-runtime-objects.ts";

/** The same, with the inventory that the cluster has. */
export async function listOurs(client: KubeClient): Promise<readonly string[]> {
  return findOurs(client, createResourceMap(client), await readInventory(client));
}

/** Requests at a time. */
const width = 8;

/**
 * Everything of ours in a cluster, in words, found by looking through all kinds that can be listed: what isthmus owns fields of,
 * what belongs to a Helm release of the inventory, what it lists and nobody owns, what istiod and the management plane made. The inventory itself is left out.
 */
export async function findOurs(
  client: KubeClient,
  resources: ResourceMap,
  { made }: ListedObjects,
): Promise<readonly string[]> {
  const releases = [...made.values()].filter(isReleaseEntry);
  const listed = new Set([...made.values()].map(entryName));
  const isListed = (object: KubeObject) => listed.has(nameOf(object));
  const isOurs = (object: KubeObject): boolean =>
    isApplied(object) ||
    isRuntimeObject(object) ||
    isMadeByManagement(object) ||
    releases.some((release) => isOfRelease(object, release)) ||
    (isListed(object) && (object.kind === "CustomResourceDefinition" || isBare(object)));
  const all = await resources.listableKinds();
  const found: string[] = [];
  let next = 0;
  const work = async () => {
    for (let kind = all[next++]; kind !== undefined; kind = all[next++]) found.push(...(await look(kind)));
  };
  const look = async (kind: Kind): Promise<readonly string[]> => {
    const { items } = await client.list(kind);
    return items
      .map((object): KubeObject => ({ ...object, apiVersion: apiVersionOf(kind), kind: kind.kind }))
      .filter((object) => !isInventory(object) && isOurs(object))
      .map(nameOf);
  };
  await Promise.all(Array.from({ length: width }, work));
  return found.sort();
}

function isOfRelease({ kind, metadata }: KubeObject, { name, namespace }: InventoryEntry): boolean {
  const { annotations = {}, labels = {} } = metadata;
  if (annotations["meta.helm.sh/release-name"] === name)
    return annotations["meta.helm.sh/release-namespace"] === namespace;
  return (
    kind === "Secret" &&
    metadata.namespace === namespace &&
    labels["owner"] === "helm" &&
    labels["name"] === name
  );
}

function isInventory({ kind, metadata }: KubeObject): boolean {
  return kind === "ConfigMap" && metadata.namespace === "default" && metadata.name === "isthmus-inventory";
}

function nameOf({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): string {
  return entryName({ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) });
}
