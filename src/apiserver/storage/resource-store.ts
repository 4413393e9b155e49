import type { KubeObject } from "../../kube/index.ts";
import type { Draft } from "../draft.ts";

/** One committed change of one object. For DELETED, `object` is the last state with the version of its removal. */
export interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly version: number;
  readonly key: string;
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

/** The objects of one resource, by key: "namespace/name", or "name" for what has no namespace. */
export interface ResourceStore {
  get(key: string): KubeObject | undefined;
  /** Objects in order of their keys, of one namespace when given. */
  list(namespace?: string): readonly KubeObject[];
  /** The list as it was right after change `version`; undefined when the history does not reach that far back. */
  listAt(version: number, namespace?: string): readonly KubeObject[] | undefined;
  readonly size: number;
  /** Stores `draft`, which belongs to the store from now on, and tells the listeners. */
  put(key: string, draft: Draft): KubeObject;
  /** Takes the object away and returns its last state. It must be there. */
  remove(key: string): KubeObject;
  /** Changes after `version`, oldest first; undefined when some of them are forgotten. */
  changesAfter(version: number): readonly Change[] | undefined;
  /** Calls `listener` with every change from now on, in order, inside the commit. Returns the way to end it. */
  subscribe(listener: (change: Change) => void): () => void;
}

interface Parts {
  readonly initial: Map<string, KubeObject>;
  /** Changes up to this version are not in the history. */
  readonly startedAt: number;
  commit(
    key: string,
    draft: Draft | undefined,
    stamp: (version: string) => KubeObject,
  ): { version: number; object: KubeObject };
  currentVersion(): number;
}

/** Changes kept for watches that start in the past and for lists that go on page by page. */
const historyLimit = 2048;

/** A store with the objects that it begins with; `commit` numbers and records each change. */
export function createResourceStore({ initial, startedAt, commit }: Parts): ResourceStore {
  const objects = initial;
  const keys = [...objects.keys()].sort();
  let keysInOrder = true;
  const listeners = new Set<(change: Change) => void>();
  let history: Change[] = [];
  let forgottenUpTo = startedAt;

  const orderedKeys = () => {
    if (!keysInOrder) {
      keys.sort();
      keysInOrder = true;
    }
    return keys;
  };
  const forgetKey = (key: string) => {
    const at = lowerBound(orderedKeys(), key);
    if (keys[at] === key) keys.splice(at, 1);
  };
  const remember = (change: Change) => {
    history.push(change);
    // Cut in halves, so that the cost of moving the rest is shared by many changes.
    if (history.length >= historyLimit * 2) {
      forgottenUpTo = history[historyLimit - 1]?.version ?? forgottenUpTo;
      history = history.slice(historyLimit);
    }
    for (const listener of [...listeners]) listener(change);
  };
  const changesAfter = (version: number) => {
    if (version < forgottenUpTo) return undefined;
    let first = history.length;
    while (first > 0 && (history[first - 1]?.version ?? 0) > version) first--;
    return history.slice(first);
  };

  return {
    get: (key) => objects.get(key),
    get size() {
      return objects.size;
    },
    list(namespace) {
      return read(objects, orderedKeys(), namespace);
    },
    listAt(version, namespace) {
      const since = changesAfter(version);
      if (since === undefined) return undefined;
      if (since.length === 0) return read(objects, orderedKeys(), namespace);
      const past = new Map(objects);
      for (const change of [...since].reverse()) {
        if (change.previous === undefined) past.delete(change.key);
        else past.set(change.key, change.previous);
      }
      return read(past, [...past.keys()].sort(), namespace);
    },
    put(key, draft) {
      const previous = objects.get(key);
      const { version, object } = commit(key, draft, (resourceVersion) => {
        draft.metadata.resourceVersion = resourceVersion;
        return draft;
      });
      objects.set(key, object);
      if (previous === undefined) {
        const last = keys.at(-1);
        if (last !== undefined && key < last) keysInOrder = false;
        keys.push(key);
      }
      remember({ type: previous === undefined ? "ADDED" : "MODIFIED", version, key, object, previous });
      return object;
    },
    remove(key) {
      const previous = objects.get(key);
      if (previous === undefined) throw new Error(`cannot happen: ${key} is removed but not stored`);
      const { version, object } = commit(key, undefined, (resourceVersion) => ({
        ...previous,
        metadata: { ...previous.metadata, resourceVersion },
      }));
      objects.delete(key);
      forgetKey(key);
      remember({ type: "DELETED", version, key, object, previous });
      return object;
    },
    changesAfter,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function read(
  objects: ReadonlyMap<string, KubeObject>,
  keys: readonly string[],
  namespace: string | undefined,
) {
  const from = namespace === undefined ? 0 : lowerBound(keys, `${namespace}/`);
  const to = namespace === undefined ? keys.length : lowerBound(keys, `${namespace}0`); // "0" follows "/".
  const found: KubeObject[] = [];
  for (let i = from; i < to; i++) {
    const object = objects.get(keys[i] ?? "");
    if (object !== undefined) found.push(object);
  }
  return found;
}

/** Index of the first key that is not less than `wanted`. */
function lowerBound(keys: readonly string[], wanted: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
