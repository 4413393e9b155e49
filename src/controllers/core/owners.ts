import {
  apiVersionOf,
  isApiError,
  type Kind,
  type KubeObject,
  type LabelSelector,
  matchesLabelSelector,
  type OwnerReference,
} from "../../kube/index.ts";
import type { Cluster } from "./cluster.ts";

/** The reference to the object's controller, if it has one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** The owner reference by which `owner` is the controller of what it makes. */
export function controllerReference(kind: Kind, owner: KubeObject): OwnerReference {
  const { name, uid = "" } = owner.metadata;
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/**
 * The dependents that belong to `owner`, after closing the gap between selector and owner references: a
 * matching object without a controller is adopted, one that matches no longer is released.
 */
export async function claimDependents<T extends KubeObject, O extends KubeObject>(
  cluster: Cluster,
  options: {
    readonly owner: O;
    readonly ownerKind: Kind<O>;
    readonly selector: LabelSelector;
    readonly kind: Kind<T>;
    /** Which orphans are worth adopting, besides not being deleted. */
    readonly isCandidate?: (object: T) => boolean;
  },
): Promise<readonly T[]> {
  const { owner, ownerKind, selector, kind, isCandidate = () => true } = options;
  const { uid, deletionTimestamp, namespace } = owner.metadata;
  const claimed: T[] = [];
  let mayAdopt: boolean | undefined;
  for (const object of cluster.store(kind).list(namespace)) {
    const controller = controllerOf(object);
    if (controller !== undefined && controller.uid !== uid) continue;
    const matches = matchesLabelSelector(selector, object.metadata.labels);
    if (controller !== undefined) {
      if (matches || deletionTimestamp !== undefined) claimed.push(object);
      else await release(cluster, kind, object, owner);
      continue;
    }
    if (!matches || deletionTimestamp !== undefined || object.metadata.deletionTimestamp !== undefined)
      continue;
    if (!isCandidate(object)) continue;
    mayAdopt ??= await isStillThere(cluster, ownerKind, owner);
    if (!mayAdopt) continue;
    const adopted = await adopt(cluster, kind, object, controllerReference(ownerKind, owner));
    if (adopted !== undefined) claimed.push(adopted);
  }
  return claimed;
}

/** The store may lag behind a deletion, and adopting then would hand the object to the garbage collector. */
async function isStillThere<O extends KubeObject>(
  cluster: Cluster,
  kind: Kind<O>,
  owner: O,
): Promise<boolean> {
  const { name, namespace, uid } = owner.metadata;
  const live = await cluster.client.get(kind, name, namespace);
  return live?.metadata.uid === uid && live?.metadata.deletionTimestamp === undefined;
}

async function adopt<T extends KubeObject>(
  cluster: Cluster,
  kind: Kind<T>,
  object: T,
  owner: OwnerReference,
) {
  const { resourceVersion, ownerReferences = [] } = object.metadata;
  try {
    const metadata = { resourceVersion, ownerReferences: [...ownerReferences, owner] };
    return await cluster.mergePatch(kind, object, { metadata });
  } catch (reason) {
    if (isApiError(reason, 404)) return undefined;
    throw reason;
  }
}

async function release<T extends KubeObject>(cluster: Cluster, kind: Kind<T>, object: T, owner: KubeObject) {
  const { resourceVersion, ownerReferences = [] } = object.metadata;
  const others = ownerReferences.filter((reference) => reference.uid !== owner.metadata.uid);
  try {
    await cluster.mergePatch(kind, object, { metadata: { resourceVersion, ownerReferences: others } });
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
  }
}
