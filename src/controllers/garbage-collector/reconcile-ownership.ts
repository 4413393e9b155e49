import { isApiError, type Kind, type KubeObject, type OwnerReference } from "../../kube/index.ts";
import type { AllObjects } from "../core/all-objects.ts";
import type { Cluster } from "../core/cluster.ts";

/** Finalizers by which an object waits until its dependents are deleted, or have been told to stay. */
export const foregroundFinalizer = "foregroundDeletion";
export const orphanFinalizer = "orphan";

/** An object and the kind it is of. */
export interface Item {
  readonly kind: Kind;
  readonly object: KubeObject;
}

/** Every object that names this one as an owner. */
export function dependentsOf(objects: AllObjects, { metadata: { uid = "" } }: KubeObject): readonly Item[] {
  return objects
    .stores()
    .flatMap((store) => store.ownedBy(uid).map((object) => ({ kind: store.kind, object })));
}

/**
 * Closes the gap between one object and its owners: deletes it when all are gone, drops references to those that
 * are while others remain. For an object that waits for its dependents: sends them on their way, and lets go
 * of it when they are done. `enqueue` brings another object's turn.
 */
export async function reconcileOwnership(
  cluster: Cluster,
  objects: AllObjects,
  item: Item | undefined,
  enqueue: (kind: Kind, object: KubeObject) => void,
): Promise<undefined> {
  if (item === undefined) return;
  const { deletionTimestamp, finalizers = [] } = item.object.metadata;
  if (deletionTimestamp !== undefined) {
    if (finalizers.includes(orphanFinalizer)) await orphanDependents(cluster, objects, item);
    else if (finalizers.includes(foregroundFinalizer))
      await deleteDependents(cluster, objects, item, enqueue);
    return;
  }
  if ((item.object.metadata.ownerReferences ?? []).length > 0) await checkOwners(cluster, objects, item);
}

async function orphanDependents(cluster: Cluster, objects: AllObjects, owner: Item): Promise<void> {
  const { uid } = owner.object.metadata;
  for (const dependent of dependentsOf(objects, owner.object)) {
    await dropReferences(cluster, dependent, (reference) => reference.uid === uid);
  }
  await dropFinalizer(cluster, owner, orphanFinalizer);
}

async function deleteDependents(
  cluster: Cluster,
  objects: AllObjects,
  owner: Item,
  enqueue: (kind: Kind, object: KubeObject) => void,
): Promise<void> {
  const { uid } = owner.object.metadata;
  const dependents = dependentsOf(objects, owner.object);
  const blocks = ({ object }: Item) =>
    (object.metadata.ownerReferences ?? []).some(
      (each) => each.uid === uid && each.blockOwnerDeletion === true,
    );
  if (!dependents.some(blocks)) return dropFinalizer(cluster, owner, foregroundFinalizer);
  for (const { kind, object } of dependents) {
    if (object.metadata.deletionTimestamp === undefined) enqueue(kind, object);
  }
}

type OwnerState = "there" | "gone" | "waiting";

async function checkOwners(cluster: Cluster, objects: AllObjects, seen: Item): Promise<void> {
  // All owners in the stores and none waiting: the everyday case, which costs no request.
  const known = (seen.object.metadata.ownerReferences ?? []).map((owner) => knownState(objects, owner));
  if (known.every((state) => state === "there")) return;
  // A store may not know yet that the object was orphaned; deleting it then would lose what was to be kept.
  const { name, namespace, uid } = seen.object.metadata;
  const object = await cluster.client.get(seen.kind, name, namespace);
  if (object === undefined || object.metadata.uid !== uid || object.metadata.deletionTimestamp !== undefined)
    return;
  const item = { kind: seen.kind, object };
  const states = new Map<OwnerReference, OwnerState>();
  for (const owner of object.metadata.ownerReferences ?? []) {
    states.set(owner, knownState(objects, owner) ?? (await askForState(cluster, objects, object, owner)));
  }
  const all = [...states.values()];
  if (all.length === 0 || all.every((state) => state === "there")) return;
  if (all.includes("there")) {
    return dropReferences(cluster, item, (owner) => states.get(owner) !== "there");
  }
  const dependents = dependentsOf(objects, object);
  const isForeground = all.includes("waiting") && dependents.length > 0;
  if (isForeground) await breakCircles(cluster, dependents, uid);
  await cluster.remove(seen.kind, object, { propagationPolicy: isForeground ? "Foreground" : "Background" });
}

/** Objects that own each other would wait for each other for ever. */
async function breakCircles(
  cluster: Cluster,
  dependents: readonly Item[],
  uid: string | undefined,
): Promise<void> {
  for (const { kind, object } of dependents) {
    const { deletionTimestamp, finalizers = [], resourceVersion, ownerReferences = [] } = object.metadata;
    if (deletionTimestamp === undefined || !finalizers.includes(foregroundFinalizer)) continue;
    const unblocked = ownerReferences.map((owner) =>
      owner.uid === uid ? { ...owner, blockOwnerDeletion: false } : owner,
    );
    await cluster.mergePatch(kind, object, { metadata: { resourceVersion, ownerReferences: unblocked } });
  }
}

/** What the stores say, or undefined when they have no such object. */
function knownState(objects: AllObjects, owner: OwnerReference): OwnerState | undefined {
  const kind = objects.find(owner.apiVersion, owner.kind);
  // A kind that nobody serves can't be asked about: better to keep too much than to delete for it.
  if (kind === undefined) return "there";
  const store = objects
    .stores()
    .find((each) => each.kind.group === kind.group && each.kind.plural === kind.plural);
  return stateOf(store?.byUid(owner.uid));
}

function stateOf(owner: KubeObject | undefined): OwnerState | undefined {
  if (owner === undefined) return undefined;
  const { deletionTimestamp, finalizers = [] } = owner.metadata;
  return deletionTimestamp !== undefined && finalizers.includes(foregroundFinalizer) ? "waiting" : "there";
}

async function askForState(
  cluster: Cluster,
  objects: AllObjects,
  dependent: KubeObject,
  owner: OwnerReference,
): Promise<OwnerState> {
  const kind = objects.find(owner.apiVersion, owner.kind);
  const { namespace } = dependent.metadata;
  // An object of no namespace can't be owned by one that has one: whose would it be?
  if (kind === undefined || (kind.namespaced && namespace === undefined)) return "there";
  const live = await cluster.client.get<KubeObject>(
    kind,
    owner.name,
    kind.namespaced ? namespace : undefined,
  );
  return live?.metadata.uid === owner.uid ? (stateOf(live) ?? "gone") : "gone";
}

async function dropReferences(
  cluster: Cluster,
  { kind, object }: Item,
  isDropped: (reference: OwnerReference) => boolean,
): Promise<void> {
  const { resourceVersion, ownerReferences = [] } = object.metadata;
  const kept = ownerReferences.filter((reference) => !isDropped(reference));
  try {
    await cluster.mergePatch(kind, object, { metadata: { resourceVersion, ownerReferences: kept } });
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
  }
}

async function dropFinalizer(cluster: Cluster, { kind, object }: Item, finalizer: string): Promise<void> {
  const { resourceVersion, finalizers = [] } = object.metadata;
  const kept = finalizers.filter((each) => each !== finalizer);
  try {
    await cluster.mergePatch(kind, object, { metadata: { resourceVersion, finalizers: kept } });
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
  }
}
