import type { Diagnostic } from "../../base/index.ts";
import { ApiError, type Kind, type KubeClient, type KubeObject } from "../../kube/index.ts";
import { type Inventory, type InventoryEntry, isApplied } from "./inventory.ts";
import type { ResourceMap } from "./resource-map.ts";

/** What became of the objects that left the mesh file. */
export interface Pruned {
  /** Deleted, in words: "Deployment sample/curl". */
  readonly deleted: readonly string[];
  /** What stays although isthmus made it, and why. */
  readonly warnings: readonly Diagnostic[];
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

/**
 * Takes away what an earlier start applied and the mesh file no longer asks for. Deleted is only what isthmus itself
 * made and nobody has made anew since; of an object that was there before, isthmus gives up the fields that it set.
 * CustomResourceDefinitions stay, and so does a namespace in which something else is left: deleting them would delete
 * what others made with them.
 */
export async function prune(
  cluster: string,
  client: KubeClient,
  resources: ResourceMap,
  inventory: Inventory,
): Promise<Pruned> {
  const { made, found } = inventory.leftovers();
  if (made.length === 0 && found.length === 0) return { deleted: [], warnings: [] };
  const deleted: string[] = [];
  const warnings: Diagnostic[] = [];
  const settled: InventoryEntry[] = [];
  const keep = (entry: InventoryEntry, why: string, hint: string) =>
    warnings.push({
      severity: "warning",
      code: "mesh/object-kept",
      path: ["clusters", cluster],
      message: `${cluster}: ${nameOf(entry)} is no longer in the mesh file and stays: ${why}`,
      hint,
    });

  const settle = async (entry: InventoryEntry, isOurs: boolean) => {
    const kind = await resources.find(entry.apiVersion, entry.kind);
    const present =
      kind === undefined || kind.namespaced !== (entry.namespace !== undefined)
        ? undefined
        : await client.get(kind, entry.name, entry.namespace);
    if (kind === undefined || present === undefined || !isApplied(present)) return;
    if (!isOurs) return release(client, kind, present);
    if (
      entry.kind === "CustomResourceDefinition" ||
      present.metadata.annotations?.[keepAnnotation] === "keep"
    )
      return;
    const [first, ...others] =
      entry.kind === "Namespace" ? await contentsOf(client, resources, entry.name) : [];
    if (first !== undefined) {
      const inside = others.length === 0 ? `${first} is` : `${first} and ${others.length} more are`;
      keep(
        entry,
        `${inside} in it`,
        `it is yours now: kubectl --context ${cluster} delete namespace ${entry.name} removes it with everything in it`,
      );
      return release(client, kind, present);
    }
    const { uid } = present.metadata;
    await client.delete(kind, entry.name, {
      ...(entry.namespace === undefined ? {} : { namespace: entry.namespace }),
      propagationPolicy: "Background",
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    });
    deleted.push(nameOf(entry));
  };

  const all = [
    ...made.map((entry) => ({ entry, isOurs: true })),
    ...found.map((entry) => ({ entry, isOurs: false })),
  ];
  for (const { entry, isOurs } of all.sort((a, b) => turnOf(a.entry) - turnOf(b.entry))) {
    try {
      await settle(entry, isOurs);
      settled.push(entry);
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      keep(entry, reason.message, "isthmus tries again at the next up");
    }
  }
  await inventory.forget(settled);
  return { deleted, warnings };
}

/** Webhooks first, since their servers may be next; what lies in namespaces before what is around it. */
function turnOf({ kind, namespace }: InventoryEntry): number {
  if (kind.endsWith("WebhookConfiguration")) return 0;
  if (namespace !== undefined) return 1;
  return kind === "Namespace" ? 3 : 2;
}

/** Gives up the fields that isthmus alone set: an applied object without them, in the words of server-side apply. */
async function release(client: KubeClient, kind: Kind, { apiVersion, metadata }: KubeObject): Promise<void> {
  const { name, namespace } = metadata;
  await client.apply(kind, {
    apiVersion,
    kind: kind.kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  });
}

/** What is in a namespace and would not go by itself, in words. */
async function contentsOf(
  client: KubeClient,
  resources: ResourceMap,
  namespace: string,
): Promise<readonly string[]> {
  const listed = (await resources.namespacedKinds()).filter(({ kind }) => !derivedKinds.has(kind));
  const lists = await Promise.all(
    listed.map(async (kind) => {
      const { items } = await client.list(kind, { namespace });
      return items.filter(isOnItsOwn).map((object) => `${kind.kind} ${object.metadata.name}`);
    }),
  );
  return lists.flat().filter((name) => !derivedObjects.has(name));
}

function isOnItsOwn(object: KubeObject): boolean {
  // What has an owner goes with it, and the owner is looked at itself.
  const { deletionTimestamp, ownerReferences = [] } = object.metadata;
  return deletionTimestamp === undefined && ownerReferences.length === 0;
}

function nameOf({ kind, namespace, name }: InventoryEntry): string {
  return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}
