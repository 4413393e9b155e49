import type { Clock, Logger } from "../../base/index.ts";
import { type Change, type Kind, type KubeClient, type KubeObject, startInformer } from "../../kube/index.ts";

/**
 * All objects of one kind, as the newest of what the informer has seen and what this process has written itself.
 * Without the second half a reconciler could look again before the watch told it of its own pod, and make another.
 */
export interface Store<T extends KubeObject = KubeObject> {
  readonly kind: Kind<T>;
  /** Resolves after the first complete list; rejects when the cluster's controllers stop before. */
  readonly synced: Promise<void>;
  get(name: string, namespace?: string): T | undefined;
  /** All objects, of one namespace when given, oldest entry first. */
  list(namespace?: string): readonly T[];
  byUid(uid: string): T | undefined;
  /** Objects with an owner reference, controller or not, to this uid. */
  ownedBy(uid: string): readonly T[];
  /** Calls `listener` for each change after the store holds it; objects already there come first as added. */
  subscribe(listener: (change: Change<T>) => void): void;
  /** Takes in the answer to a write of our own. */
  remember(object: T): void;
  /** Shows the object as terminating until the watch says more. For after a DELETE that succeeded. */
  rememberDeletion(object: T): void;
}

/** How long an own write may stay unconfirmed by the watch before the informer's view is taken instead. */
const confirmationTime = 10_000;
/** Uids of removed objects to remember, so that the late answer to an own write does not bring one back. */
const mostTombstones = 2048;

/** Starts an informer for `kind` and keeps a store true with it until `signal` aborts. */
export function startStore<T extends KubeObject>(
  client: KubeClient,
  kind: Kind<T>,
  options: { readonly signal: AbortSignal; readonly clock: Clock; readonly log: Logger },
): Store<T> {
  const { signal, clock } = options;
  const namespaces = new Map<string, Map<string, T>>();
  const uids = new Map<string, T>();
  const owners = new Map<string, Set<string>>();
  const tombstones = new Set<string>();
  const unconfirmed = new Map<string, { readonly object: T; readonly since: number }>();
  const listeners: ((change: Change<T>) => void)[] = [];
  let cancelCheck: (() => void) | undefined;

  const tell = (change: Change<T>) => {
    for (const listener of listeners) listener(change);
  };
  const held = (object: T) => namespaces.get(object.metadata.namespace ?? "")?.get(object.metadata.name);

  const index = ({ metadata: { uid, ownerReferences = [] } }: T) => {
    if (uid === undefined) return;
    for (const owner of ownerReferences) {
      const dependents = owners.get(owner.uid);
      if (dependents === undefined) owners.set(owner.uid, new Set([uid]));
      else dependents.add(uid);
    }
  };
  const unindex = ({ metadata: { uid, ownerReferences = [] } }: T) => {
    if (uid === undefined) return;
    for (const owner of ownerReferences) {
      const dependents = owners.get(owner.uid);
      dependents?.delete(uid);
      if (dependents?.size === 0) owners.delete(owner.uid);
    }
  };
  const put = (object: T) => {
    const { name, namespace = "", uid } = object.metadata;
    const objects = namespaces.get(namespace) ?? new Map<string, T>();
    namespaces.set(namespace, objects);
    let previous = objects.get(name);
    if (previous !== undefined && previous.metadata.uid !== uid) {
      // Deleted and made anew while nobody looked: for whoever depends on it that is two things, not a change.
      remove(previous);
      namespaces.set(namespace, objects);
      previous = undefined;
    }
    if (previous !== undefined) unindex(previous);
    objects.set(name, object);
    if (uid !== undefined) uids.set(uid, object);
    index(object);
    tell(previous === undefined ? { type: "added", object } : { type: "modified", object, previous });
  };
  const remove = (object: T) => {
    const { name, namespace = "", uid } = object.metadata;
    if (uid !== undefined) {
      uids.delete(uid);
      tombstones.add(uid);
      for (const oldest of tombstones) {
        if (tombstones.size <= mostTombstones) break;
        tombstones.delete(oldest);
      }
    }
    unindex(object);
    const objects = namespaces.get(namespace);
    objects?.delete(name);
    if (objects?.size === 0) namespaces.delete(namespace);
    tell({ type: "deleted", object });
  };
  const watchConfirmation = (object: T) => {
    if (object.metadata.uid === undefined) return;
    unconfirmed.set(object.metadata.uid, { object, since: clock.now() });
    cancelCheck ??= clock.after(confirmationTime, dropUnconfirmed);
  };
  const dropUnconfirmed = () => {
    cancelCheck = undefined;
    if (signal.aborted) return;
    for (const [uid, { object, since }] of unconfirmed) {
      if (clock.now() - since < confirmationTime) continue;
      unconfirmed.delete(uid);
      if (held(object) !== object) continue;
      const seen = informer.get(object.metadata.name, object.metadata.namespace);
      if (seen === undefined) remove(object);
      else put(seen);
    }
    if (unconfirmed.size > 0) cancelCheck = clock.after(confirmationTime, dropUnconfirmed);
  };

  const informer = startInformer(client, kind, options);
  informer.subscribe((change) => {
    const { object } = change;
    const present = held(object);
    if (change.type === "deleted") {
      if (object.metadata.uid !== undefined) unconfirmed.delete(object.metadata.uid);
      if (present !== undefined && present.metadata.uid === object.metadata.uid) remove(present);
      return;
    }
    if (present !== undefined && !isOlder(present, object)) return;
    const { uid } = object.metadata;
    const awaited = uid === undefined ? undefined : unconfirmed.get(uid)?.object.metadata;
    if (
      uid !== undefined &&
      awaited?.deletionTimestamp !== undefined &&
      object.metadata.deletionTimestamp === undefined
    ) {
      // A change from before our DELETE: the object is as good as gone all the same.
      const terminating = terminatingCopy(object, awaited.deletionTimestamp);
      unconfirmed.set(uid, { object: terminating, since: unconfirmed.get(uid)?.since ?? clock.now() });
      return put(terminating);
    }
    if (uid !== undefined) unconfirmed.delete(uid);
    put(object);
  });
  signal.addEventListener("abort", () => cancelCheck?.(), { once: true });

  return {
    kind,
    synced: informer.synced,
    get: (name, namespace = "") => namespaces.get(namespace)?.get(name),
    list(namespace) {
      if (namespace !== undefined) return [...(namespaces.get(namespace)?.values() ?? [])];
      return [...namespaces.values()].flatMap((objects) => [...objects.values()]);
    },
    byUid: (uid) => uids.get(uid),
    ownedBy(uid) {
      const dependents = owners.get(uid);
      if (dependents === undefined) return [];
      return [...dependents].flatMap((dependent) => uids.get(dependent) ?? []);
    },
    subscribe(listener) {
      listeners.push(listener);
      for (const objects of namespaces.values())
        for (const object of objects.values()) listener({ type: "added", object });
    },
    remember(object) {
      const { uid } = object.metadata;
      if (uid !== undefined && tombstones.has(uid)) return;
      const present = held(object);
      if (present !== undefined && !isOlder(present, object)) return;
      put(object);
      const seen = informer.get(object.metadata.name, object.metadata.namespace);
      if (seen === undefined || isOlder(seen, object)) watchConfirmation(object);
    },
    rememberDeletion(object) {
      const present = held(object);
      if (present?.metadata.uid !== object.metadata.uid || present === undefined) return;
      if (present.metadata.deletionTimestamp !== undefined) return;
      const deletionTimestamp = new Date(clock.now()).toISOString();
      const terminating = terminatingCopy(present, deletionTimestamp);
      put(terminating);
      watchConfirmation(terminating);
    },
  };
}

function terminatingCopy<T extends KubeObject>(object: T, deletionTimestamp: string): T {
  return { ...object, metadata: { ...object.metadata, deletionTimestamp } };
}

/** Versions of one cluster are numbers that grow with every write; they are compared as Kubernetes allows since 1.35. */
function isOlder(a: KubeObject, b: KubeObject): boolean {
  return Number(a.metadata.resourceVersion) < Number(b.metadata.resourceVersion);
}
