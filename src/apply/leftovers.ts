import { apiVersionOf, type Kind, type KubeClient, type KubeObject } from "../kube/index.ts";
import { isReleaseEntry } from "./helm/release-entry.ts";
import { type InventoryEntry, isApplied, isBare, type Leftovers } from "./inventory.ts";
import type { ResourceMap } from "./resource-map.ts";

/** What is to be done about an object that has left the mesh file. */
export type Verdict =
  /** It is gone, or somebody else's by now, or stays by its nature. */
  | { readonly action: "nothing" }
  /** It was there before isthmus: its fields are given up. `delete`: it goes. */
  | { readonly action: "release" | "delete"; readonly kind: Kind; readonly present: KubeObject }
  /** A namespace in which there is more: "Deployment curl" …, which are others'. */
  | {
      readonly action: "keep";
      readonly kind: Kind;
      readonly present: KubeObject;
      readonly inside: readonly string[];
    };

/** The cluster in which it is looked for. */
export interface Place {
  readonly client: KubeClient;
  readonly resources: ResourceMap;
  /** Whether an object goes too, so that it does not keep its namespace. */
  isLeaving?(object: KubeObject): boolean;
}

/** With the value "keep", an object outlives the release of its Helm chart, and so it does here. */
const keepAnnotation = "helm.sh/resource-policy";

/** What is in a namespace without anybody having made it: kept by controllers, or the record of what happened. */
const derivedKinds = new Set([
  "Event",
  "Endpoints",
  "EndpointSlice",
  "Lease",
  "ControllerRevision",
  "PodMetrics",
]);
const derivedObjects = new Set([
  "ServiceAccount default",
  "ConfigMap kube-root-ca.crt",
  "ConfigMap istio-ca-root-cert",
]);

/** Looks at the object as it is now. Changes nothing. */
export async function judgeLeftover(place: Place, entry: InventoryEntry, isOurs: boolean): Promise<Verdict> {
  const { client, resources } = place;
  const kind = await resources.find(entry.apiVersion, entry.kind);
  if (kind === undefined || kind.namespaced !== (entry.namespace !== undefined)) return { action: "nothing" };
  const present = await client.get(kind, entry.name, entry.namespace);
  if (present === undefined || !(isApplied(present) || isBare(present))) return { action: "nothing" };
  if (!isOurs) return { action: "release", kind, present };
  if (entry.kind === "CustomResourceDefinition" || present.metadata.annotations?.[keepAnnotation] === "keep")
    return { action: "nothing" };
  const inside = entry.kind === "Namespace" ? await contentsOf(place, entry.name) : [];
  return inside.length > 0 ? { action: "keep", kind, present, inside } : { action: "delete", kind, present };
}

/** "Deployment curl and 3 more are" */
export function insideOf([first, ...others]: readonly string[]): string {
  return others.length === 0 ? `${first} is` : `${first} and ${others.length} more are`;
}

/** In the order in which they can go. */
export function inTurn({
  made,
  found,
}: Leftovers): readonly { readonly entry: InventoryEntry; readonly isOurs: boolean }[] {
  return [
    ...made.map((entry) => ({ entry, isOurs: true })),
    ...found.map((entry) => ({ entry, isOurs: false })),
  ].sort((a, b) => turnOf(a.entry) - turnOf(b.entry));
}

/**
 * Webhooks first, since their servers may be next, and Certificates, whose Secrets would be made anew; what lies in
 * namespaces before what is around it.
 */
function turnOf({ apiVersion, kind, namespace }: InventoryEntry): number {
  if (kind.endsWith("WebhookConfiguration")) return 0;
  if (kind === "Certificate" && apiVersion.startsWith("cert-manager.io/")) return 0;
  if (namespace !== undefined) return 1;
  return kind === "Namespace" ? 3 : 2;
}

/** What is in a namespace and would not go by itself, in words. */
async function contentsOf(
  { client, resources, isLeaving }: Place,
  namespace: string,
): Promise<readonly string[]> {
  const listed = (await resources.namespacedKinds()).filter(({ kind }) => !derivedKinds.has(kind));
  const lists = await Promise.all(
    listed.map(async (kind) => {
      const { items } = await client.list(kind, { namespace });
      return items
        .map((object) => ({ ...object, apiVersion: apiVersionOf(kind), kind: kind.kind }))
        .filter((object) => isOnItsOwn(object) && isLeaving?.(object) !== true)
        .map((object) => `${kind.kind} ${object.metadata.name}`);
    }),
  );
  return lists.flat().filter((name) => !derivedObjects.has(name));
}

function isOnItsOwn(object: KubeObject): boolean {
  // What has an owner goes with it, and the owner is looked at itself.
  const { deletionTimestamp, ownerReferences = [] } = object.metadata;
  return deletionTimestamp === undefined && ownerReferences.length === 0;
}

/** In words: "Deployment sample/curl", "Helm release istio-system/istiod". */
export function entryName(entry: InventoryEntry): string {
  const { namespace, name } = entry;
  const kind = isReleaseEntry(entry) ? "Helm release" : entry.kind;
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

/** Gives up the fields that isthmus alone set: an applied object without them, in the words of server-side apply. */
export async function releaseFields(
  client: KubeClient,
  kind: Kind,
  { apiVersion, metadata }: KubeObject,
): Promise<void> {
  const { name, namespace } = metadata;
  await client.apply(kind, {
    apiVersion,
    kind: kind.kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  });
}
