import type { Clock, Logger } from "../../base/index.ts";
import {
  createEventRecorder,
  type DeleteOptions,
  type EventRecorder,
  type Kind,
  type KubeClient,
  type KubeObject,
  kubeTime,
  type PatchOptions,
} from "../../kube/index.ts";
import { type Store, startStore } from "./store.ts";

/**
 * What every reconciler of a cluster works with: one shared store a kind, and writes that the stores know of
 * before the watch tells them.
 */
export interface Cluster {
  readonly name: string;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when the controllers stop. */
  readonly signal: AbortSignal;
  readonly events: EventRecorder;
  /** The store of a kind, started on first use. */
  store<T extends KubeObject>(kind: Kind<T>): Store<T>;
  /** Ends the store of a kind that is served no more. */
  dropStore(kind: Kind): void;
  /** Creates an object. With an empty name the API server makes one from generateName. */
  create<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T>;
  /** PUT; a stale resourceVersion is a 409. */
  replace<T extends KubeObject>(kind: Kind<T>, object: T, subresource?: string): Promise<T>;
  /** A JSON merge patch of the object. */
  mergePatch<T extends KubeObject>(kind: Kind<T>, object: T, patch: object, subresource?: string): Promise<T>;
  /** Deletes this object and no later one of its name: uid is a precondition. Nothing happens when it is gone. */
  remove(
    kind: Kind,
    object: KubeObject,
    options?: Omit<DeleteOptions, "namespace" | "preconditions">,
  ): Promise<void>;
  /** Whether the object came back from a write of these controllers, so that its change is no news to them. */
  isOwnWrite(object: KubeObject): boolean;
  /** The time as Kubernetes writes it, in whole seconds. */
  timestamp(): string;
}

export function createCluster(options: {
  readonly name: string;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}): Cluster {
  const { name, client, clock, log, signal } = options;
  const stores = new Map<string, { readonly store: Store; readonly abort: AbortController }>();
  const written = new WeakSet<KubeObject>();
  const started = (kind: Kind) => stores.get(storeId(kind))?.store;
  const noteWrite = <T extends KubeObject>(kind: Kind<T>, object: T): T => {
    written.add(object);
    started(kind)?.remember(object);
    return object;
  };
  // One listener for all: some sixty on one signal would look like a leak to Node, and warn.
  signal.addEventListener(
    "abort",
    () => {
      for (const { abort } of stores.values()) abort.abort(signal.reason);
    },
    { once: true },
  );
  const cluster: Cluster = {
    name,
    client,
    clock,
    log,
    signal,
    events: createEventRecorder({ client, clock, log, signal }),
    store<T extends KubeObject>(kind: Kind<T>): Store<T> {
      const id = storeId(kind);
      let entry = stores.get(id);
      if (entry === undefined) {
        const abort = new AbortController();
        if (signal.aborted) abort.abort(signal.reason);
        const store = startStore(client, kind, { signal: abort.signal, clock, log });
        entry = { store: store as unknown as Store, abort };
        stores.set(id, entry);
      }
      // A store is kept under its own kind, so what comes out has the type that went in.
      return entry.store as unknown as Store<T>;
    },
    dropStore(kind) {
      stores.get(storeId(kind))?.abort.abort();
      stores.delete(storeId(kind));
    },
    async create(kind, object) {
      const created = await client.create(kind, withoutEmptyName(object));
      return noteWrite(kind, created);
    },
    async replace(kind, object, subresource) {
      const replaced = await client.replace(kind, object, subresource);
      return noteWrite(kind, replaced);
    },
    async mergePatch(kind, object, patch, subresource) {
      const { name: objectName, namespace } = object.metadata;
      const patchOptions: PatchOptions = {
        type: "merge",
        ...(namespace === undefined ? {} : { namespace }),
        ...(subresource === undefined ? {} : { subresource }),
      };
      const patched = await client.patch(kind, objectName, patch, patchOptions);
      return noteWrite(kind, patched);
    },
    async remove(kind, object, removeOptions = {}) {
      const { name: objectName, namespace, uid } = object.metadata;
      await client.delete(kind, objectName, {
        ...removeOptions,
        ...(namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      });
      started(kind)?.rememberDeletion(object);
    },
    isOwnWrite: (object) => written.has(object),
    timestamp: () => kubeTime(clock.now()),
  };
  return cluster;
}

function storeId(kind: Kind): string {
  return `${kind.group}/${kind.plural}`;
}

/** On the wire the name must be absent, not empty, for generateName to count; the type knows only named objects. */
function withoutEmptyName<T extends KubeObject>(object: T): T {
  if (object.metadata.name !== "") return object;
  const { name: _, ...metadata } = object.metadata;
  return { ...object, metadata } as T;
}
