import type { Stop } from "../../base/index.ts";
import {
  createWorkQueue,
  type KubeObject,
  type Reconcile,
  startReconciler,
  type WorkQueue,
} from "../../kube/index.ts";
import type { Cluster } from "./cluster.ts";
import type { Store } from "./store.ts";

/**
 * A controller: begins to watch what it needs and to reconcile, and returns what waits for the work under way.
 * It stops with the cluster's signal. Adding a controller is a folder with such a function and a line in
 * startControllers.
 */
export type StartController = (cluster: Cluster) => Stop;

/** Starts a reconciler with a queue of its own that waits until the stores it `needs` are complete. */
export function runReconciler(
  cluster: Cluster,
  options: {
    readonly name: string;
    readonly needs: readonly { readonly synced: Promise<void> }[];
    readonly concurrency?: number;
    /** Subscribes to what adds keys. */
    readonly wire: (queue: WorkQueue) => void;
    /** Given the queue for waking itself later. */
    readonly reconcile: (key: string, queue: WorkQueue) => ReturnType<Reconcile>;
  },
): Stop {
  const { name, needs, concurrency = 8, wire, reconcile } = options;
  const queue = createWorkQueue(cluster.clock);
  const stop = startReconciler({
    name,
    queue,
    reconcile: (key) => reconcile(key, queue),
    concurrency,
    ready: Promise.all(needs.map((store) => store.synced)),
    signal: cluster.signal,
    log: cluster.log,
  });
  wire(queue);
  return stop;
}

/** Adds the key of whatever object changes. */
export function enqueueChanges<T extends KubeObject>(
  store: Store<T>,
  queue: WorkQueue,
  keyOf: (object: T) => string,
): void {
  store.subscribe(({ object }) => queue.add(keyOf(object)));
}
