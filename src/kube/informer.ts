import { setMaxListeners } from "node:events";
import { createRetry, createSignal, type Logger, type Signal, systemClock } from "../base/index.ts";
import { isApiError } from "./api-error.ts";
import type { KubeClient, ListOptions } from "./client.ts";
import type { Kind } from "./kinds.ts";
import { type KubeObject, key, objectKey } from "./object.ts";

/** What happened to one object of an informer's cache. `previous` is what the cache held before. */
export type Change<T> =
  | { readonly type: "added"; readonly object: T }
  | { readonly type: "modified"; readonly object: T; readonly previous: T }
  | { readonly type: "deleted"; readonly object: T };

/**
 * A local copy of one kind, kept true by list and watch. After an expired version (410) or a broken
 * connection it lists again and reports the difference as changes; it never gives up before `signal` aborts.
 */
export interface Informer<T extends KubeObject> {
  /** Resolves after the first complete list was taken in; rejects when the signal aborts before. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  /** Undefined while the server answers; else why the last request failed. */
  readonly failure: unknown;
  get(name: string, namespace?: string): T | undefined;
  /** All objects, of one namespace when given, in no order. */
  list(namespace?: string): readonly T[];
  /** Calls `listener` for each change after the cache holds it; objects already there come first as added. */
  subscribe(listener: (change: Change<T>) => void): void;
  /** Told after every change of the cache and of `failure`. */
  readonly changes: Signal;
}

/** Starts an informer. It runs until `signal` aborts. */
export function startInformer<T extends KubeObject>(
  client: KubeClient,
  kind: Kind<T>,
  options: ListOptions & { readonly signal: AbortSignal; readonly log: Logger },
): Informer<T> {
  const { signal, log } = options;
  // Dozens of informers end with one signal; Node would take that for a leak.
  setMaxListeners(0, signal);
  const objects = new Map<string, T>();
  const listeners: ((change: Change<T>) => void)[] = [];
  const changes = createSignal();
  let isSynced = false;
  let failure: unknown;
  let resolveSynced = () => {};
  let rejectSynced = (_reason: unknown) => {};
  const synced = new Promise<void>((resolve, reject) => {
    resolveSynced = resolve;
    rejectSynced = reject;
  });
  synced.catch(() => {}); // Awaiting it is up to the user; an abort must not crash the process.
  signal.addEventListener("abort", () => rejectSynced(signal.reason), { once: true });

  const tell = (change: Change<T>) => {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (reason) {
        // An object that one listener can't take must not keep it, or any later one, from the others.
        const { name, namespace } = change.object.metadata;
        const stack = reason instanceof Error ? reason.stack : String(reason);
        log.error({ kind: kind.plural, name, namespace, reason: stack }, "a listener failed over an object");
      }
    }
  };
  const put = (object: T) => {
    const id = objectKey(object);
    const previous = objects.get(id);
    if (previous?.metadata.resourceVersion === object.metadata.resourceVersion && previous !== undefined)
      return;
    objects.set(id, object);
    tell(previous === undefined ? { type: "added", object } : { type: "modified", object, previous });
  };
  const remove = (object: T) => {
    if (objects.delete(objectKey(object))) tell({ type: "deleted", object });
  };
  const listOnce = async () => {
    const list = await client.list(kind, options);
    const present = new Set(list.items.map(objectKey));
    for (const [id, object] of [...objects]) if (!present.has(id)) remove(object);
    for (const object of list.items) put(object);
    return list.resourceVersion;
  };
  const run = async () => {
    const retry = createRetry(systemClock, { first: 20, most: 5000 });
    let version: string | undefined;
    while (!signal.aborted) {
      try {
        version ??= await listOnce();
        failure = undefined;
        if (!isSynced) {
          isSynced = true;
          resolveSynced();
        }
        changes.notify();
        retry.reset();
        for await (const event of client.watch(kind, { ...options, resourceVersion: version }, signal)) {
          if (event.type === "ERROR") {
            version = undefined;
            break;
          }
          version = event.object.metadata.resourceVersion ?? version;
          if (event.type === "BOOKMARK") continue;
          if (event.type === "DELETED") remove(event.object);
          else put(event.object);
          changes.notify();
        }
      } catch (reason) {
        if (signal.aborted) return;
        if (!isApiError(reason, 410)) {
          failure = reason;
          changes.notify();
          log.debug({ kind: kind.plural, reason: String(reason) }, "list or watch failed, trying again");
          await retry.wait(signal);
        }
        version = undefined;
      }
    }
  };
  void run();

  return {
    synced,
    get isSynced() {
      return isSynced;
    },
    get failure() {
      return failure;
    },
    get: (name, namespace) => objects.get(key(name, namespace)),
    list(namespace) {
      const all = [...objects.values()];
      return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace);
    },
    subscribe(listener) {
      listeners.push(listener);
      for (const object of objects.values()) listener({ type: "added", object });
    },
    changes,
  };
}
