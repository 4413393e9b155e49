import type { Logger } from "../../base/index.ts";
import {
  type ConfigMap,
  type Informer,
  isApiError,
  type KubeClient,
  type KubeObject,
  kinds,
  startInformer,
} from "../../kube/index.ts";
import {
  clusterKinds,
  clusterObjects,
  configKinds,
  setClusterObject,
  setConfigObject,
  type WorldChanges,
  type WorldObjects,
} from "../translate/objects.ts";

/** Objects that somebody watches. */
export interface ObjectSource {
  /** Resolves when everything was listed once; rejects when the signal aborts before. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  /** Why the API can't be reached at the moment, in words; undefined while all is well. */
  readonly problem: string | undefined;
}

/** Objects of one cluster. They are read at once, and nobody sees them before `attach`. */
export interface ClusterSource extends ObjectSource {
  /** From now on the cluster's part of the sink's objects is what this source says. */
  attach(): void;
}

/** Who is told of changes: the sink's `changes` collect what to do, `schedule` says that there is something. */
export interface ChangeSink {
  readonly objects: WorldObjects;
  changes(): WorldChanges;
  schedule(): void;
  /** An object has changed; `isConfig` for Istio's. For the count only. */
  noticed?(kind: string, event: "add" | "update" | "delete", isConfig: boolean): void;
}

const events = { added: "add", modified: "update", deleted: "delete" } as const;

interface WatchOptions {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * Reads a cluster and, once attached, keeps its part of `sink.objects` true. When its API goes away, what was last
 * known stays. Objects of an earlier connection that the first complete lists don't show are taken out then.
 */
export function watchCluster(sink: ChangeSink, clusterId: string, options: WatchOptions): ClusterSource {
  const informers = clusterKinds.map((name) => ({
    name,
    informer: startInformer<KubeObject>(options.client, kinds[name], options),
  }));
  // Proxies can be served without Secrets, and a remote API may not let us read them.
  const needed = informers.filter(({ name }) => name !== "secrets").map(({ informer }) => informer);
  const source = sourceOf(needed);
  return {
    synced: source.synced,
    get isSynced() {
      return source.isSynced;
    },
    get problem() {
      return source.problem;
    },
    attach() {
      const cluster = clusterObjects(sink.objects, clusterId);
      for (const { name, informer } of informers) {
        const set = (object: KubeObject, isGone: boolean) => {
          setClusterObject(sink.objects, clusterId, name, object, isGone, sink.changes());
          sink.schedule();
        };
        informer.subscribe(({ type, object }) => {
          sink.noticed?.(name, events[type], false);
          set(object, type === "deleted");
        });
        const dropVanished = () => {
          for (const object of [...cluster[name].values()] as KubeObject[])
            if (informer.get(object.metadata.name, object.metadata.namespace) === undefined)
              set(object, true);
        };
        informer.synced.then(dropVanished, () => {}); // Rejected only when the connection was given up.
      }
    },
  };
}

/** Keeps Istio's objects of the control plane's own cluster true. Kinds that the API doesn't have count as empty. */
export function watchConfig(sink: ChangeSink, options: WatchOptions): ObjectSource {
  const informers = configKinds.map((name) => {
    const informer = startInformer(options.client, kinds[name], options);
    informer.subscribe(({ type, object }) => {
      sink.noticed?.(name, events[type], true);
      setConfigObject(sink.objects, name, object, type === "deleted", sink.changes());
      sink.schedule();
    });
    return informer;
  });
  return sourceOf(informers);
}

/** Keeps MeshConfig and MeshNetworks true: the ConfigMap "istio" (or "istio-REVISION") of the system namespace. */
export function watchMeshConfig(sink: ChangeSink, name: string, options: WatchOptions): ObjectSource {
  const namespace = sink.objects.systemNamespace;
  const informer = startInformer<ConfigMap>(options.client, kinds.configMaps, {
    ...options,
    namespace,
    fieldSelector: `metadata.name=${name}`,
  });
  informer.subscribe(({ type, object }) => {
    if (object.metadata.name !== name) return;
    const { data = {} } = type === "deleted" ? {} : object;
    const changes = sink.changes();
    // Of what it says, only the networks have to do with endpoints.
    const networks = data["meshNetworks"] ?? "";
    if (networks !== sink.objects.meshNetworks) changes.allEndpoints = true;
    sink.objects.mesh = data["mesh"] ?? "";
    sink.objects.meshNetworks = networks;
    changes.rules = true;
    sink.schedule();
  });
  return sourceOf([informer]);
}

function sourceOf(informers: readonly Informer<KubeObject>[]): ObjectSource {
  const synced = Promise.all(informers.map(firstAnswer)).then(() => {});
  synced.catch(() => {}); // Rejected when the connection is given up, whether or not somebody waits for it.
  return {
    synced,
    get isSynced() {
      return informers.every((informer) => informer.isSynced || isMissing(informer.failure));
    },
    get problem() {
      const failure = informers
        .map((informer) => informer.failure)
        .find((reason) => reason !== undefined && !isMissing(reason));
      return failure === undefined ? undefined : failure instanceof Error ? failure.message : String(failure);
    },
  };
}

const isMissing = (failure: unknown) => isApiError(failure, 404);

/** Resolves when an informer has its first list, or its kind is not served here (yet). */
function firstAnswer(informer: Informer<KubeObject>): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = new AbortController();
    const settle = (end: () => void) => {
      stop.abort();
      end();
    };
    informer.synced.then(
      () => settle(resolve),
      (reason: unknown) => settle(() => reject(reason)),
    );
    informer.changes.subscribe(() => {
      if (isMissing(informer.failure)) settle(resolve);
    }, stop.signal);
    if (isMissing(informer.failure)) settle(resolve);
  });
}
