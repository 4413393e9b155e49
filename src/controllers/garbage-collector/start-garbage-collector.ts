import type { Change, Kind, KubeObject, WorkQueue } from "../../kube/index.ts";
import { objectKey } from "../../kube/index.ts";
import type { AllObjects } from "../core/all-objects.ts";
import { runReconciler, type StartController } from "../core/controller.ts";
import {
  dependentsOf,
  foregroundFinalizer,
  orphanFinalizer,
  reconcileOwnership,
} from "./reconcile-ownership.ts";

/** Deletes what lost its owners, and sees foreground and orphaning deletions through. */
export function garbageCollector(objects: AllObjects): StartController {
  return (cluster) =>
    runReconciler(cluster, {
      name: "garbage-collector",
      needs: [objects],
      wire(queue) {
        const enqueue = (kind: Kind, object: KubeObject) => queue.add(itemKey(kind, object));
        objects.subscribe((kind, change) => {
          if (isWorthALook(change)) enqueue(kind, change.object);
          if (change.type === "deleted") enqueueDependents(objects, change.object, queue);
          else if (isWaitingForDependents(change.object)) enqueueDependents(objects, change.object, queue);
          for (const object of ownersOf(change)) enqueueOwners(objects, object, queue);
        });
      },
      reconcile: (id, queue) =>
        reconcileOwnership(cluster, objects, parseItemKey(objects, id), (kind, object) =>
          queue.add(itemKey(kind, object)),
        ),
    });
}

/** Objects with owners when they come or change owners; and those whose deletion waits for the collector. */
function isWorthALook(change: Change<KubeObject>): boolean {
  const { ownerReferences, deletionTimestamp, finalizers = [] } = change.object.metadata;
  if (change.type === "deleted") return false;
  if (
    deletionTimestamp !== undefined &&
    [foregroundFinalizer, orphanFinalizer].some((each) => finalizers.includes(each))
  )
    return true;
  if (ownerReferences === undefined || ownerReferences.length === 0) return false;
  return change.type === "added" || change.previous.metadata.ownerReferences !== ownerReferences;
}

function isWaitingForDependents({ metadata: { deletionTimestamp, finalizers = [] } }: KubeObject): boolean {
  return deletionTimestamp !== undefined && finalizers.includes(foregroundFinalizer);
}

/** The states of an object whose owners may have been waiting for this change. */
function ownersOf(change: Change<KubeObject>): readonly KubeObject[] {
  if (change.type === "deleted") return [change.object];
  if (change.type === "added") return [];
  return change.previous.metadata.ownerReferences === change.object.metadata.ownerReferences
    ? []
    : [change.previous];
}

function enqueueDependents(objects: AllObjects, owner: KubeObject, queue: WorkQueue): void {
  for (const { kind, object } of dependentsOf(objects, owner)) queue.add(itemKey(kind, object));
}

function enqueueOwners(objects: AllObjects, dependent: KubeObject, queue: WorkQueue): void {
  for (const { uid } of dependent.metadata.ownerReferences ?? []) {
    for (const store of objects.stores()) {
      const owner = store.byUid(uid);
      if (owner !== undefined && isWaitingForDependents(owner)) queue.add(itemKey(store.kind, owner));
    }
  }
}

function itemKey({ group, plural }: Kind, object: KubeObject): string {
  return `${group}/${plural}|${objectKey(object)}`;
}

function parseItemKey(
  objects: AllObjects,
  id: string,
): { readonly kind: Kind; readonly object: KubeObject } | undefined {
  const bar = id.indexOf("|");
  const [group, plural] = id.slice(0, bar).split("/");
  const [first = "", second] = id.slice(bar + 1).split("/");
  const store = objects.stores().find(({ kind }) => kind.group === group && kind.plural === plural);
  const object = second === undefined ? store?.get(first) : store?.get(second, first);
  return store && object && { kind: store.kind, object };
}
