import type { Stop } from "../../base/index.ts";
import { type Change, groupVersion, type Kind, type KubeObject, kinds } from "../../kube/index.ts";
import type { Cluster } from "./cluster.ts";
import { runReconciler } from "./controller.ts";
import { readServedKinds, type ServedKind } from "./served-kinds.ts";
import type { Store } from "./store.ts";

/** Objects of every kind that the API server serves, kinds of CustomResourceDefinitions included. */
export interface AllObjects {
  /** Resolves when the kinds served at the start are listed, except such as can't be. */
  readonly synced: Promise<void>;
  /** The kinds served now. */
  kinds(): readonly ServedKind[];
  /** The kind of an owner reference, in whatever version is served. */
  find(apiVersion: string, kind: string): ServedKind | undefined;
  /** The stores of all kinds that can be watched and are worth it. */
  stores(): readonly Store[];
  /** Every change of every kind; objects already there come first as added. */
  subscribe(listener: (kind: Kind, change: Change<KubeObject>) => void): void;
  readonly stop: Stop;
}

/** Events come and go by the thousand, own nothing and are owned by nothing. */
const unwatched: ReadonlySet<string> = new Set(["/events", "events.k8s.io/events"]);

/** How long a kind that can't be listed is waited for, in milliseconds. */
const mostPatience = 5000;

/** Follows discovery: it is read again whenever a CustomResourceDefinition changes. */
export function startAllObjects(cluster: Cluster): AllObjects {
  const definitions = cluster.store(kinds.customResourceDefinitions);
  const listeners: ((kind: Kind, change: Change<KubeObject>) => void)[] = [];
  const watched = new Map<string, Store>();
  let served: readonly ServedKind[] = [];
  let resolveSynced = (_synced: Promise<unknown>) => {};
  const synced = new Promise<unknown>((resolve) => {
    resolveSynced = resolve;
  }).then(() => {});

  /**
   * Kinds that come later, or can't be listed, don't hold anybody up: an owner that no store knows is asked for
   * at the API server.
   */
  const settled = (stores: readonly Store[]) =>
    new Promise<void>((resolve) => {
      const cancel = cluster.clock.after(mostPatience, resolve);
      void Promise.allSettled(stores.map((store) => store.synced)).then(() => {
        cancel();
        resolve();
      });
    });
  const follow = (kind: ServedKind) => {
    const store = cluster.store<KubeObject>(kind);
    watched.set(kindId(kind), store);
    store.subscribe((change) => {
      for (const listener of listeners) listener(kind, change);
    });
  };
  const refresh = async () => {
    served = await readServedKinds(cluster.client);
    const wanted = new Map(served.filter(isWatched).map((kind) => [kindId(kind), kind]));
    for (const [id, kind] of wanted) if (!watched.has(id)) follow(kind);
    for (const [id, store] of watched) {
      if (wanted.has(id)) continue;
      watched.delete(id);
      cluster.dropStore(store.kind);
    }
    resolveSynced(settled([...watched.values()]));
    return undefined;
  };
  const stop = runReconciler(cluster, {
    name: "served-kinds",
    needs: [definitions],
    concurrency: 1,
    wire(queue) {
      queue.add("all");
      definitions.subscribe(() => queue.add("all"));
    },
    reconcile: refresh,
  });
  return {
    synced,
    kinds: () => served,
    find(apiVersion, kind) {
      const { group } = groupVersion(apiVersion);
      return served.find((candidate) => candidate.group === group && candidate.kind === kind);
    },
    stores: () => [...watched.values()],
    subscribe(listener) {
      listeners.push(listener);
      for (const store of watched.values()) {
        for (const object of store.list()) listener(store.kind, { type: "added", object });
      }
    },
    stop,
  };
}

function isWatched(kind: ServedKind): boolean {
  return kind.verbs.includes("watch") && !unwatched.has(kindId(kind));
}

function kindId({ group, plural }: Kind): string {
  return `${group}/${plural}`;
}
