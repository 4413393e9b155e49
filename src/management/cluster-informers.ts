import { createSignal, type Logger, type Signal } from "../base/index.ts";
import {
  type Informer,
  type Kind,
  type KubeClient,
  type KubeObject,
  type ListOptions,
  startInformer,
} from "../kube/index.ts";

/** Local copies of one cluster's objects, shared by all who look at it: each kind is listed and watched once. */
export interface ClusterInformers {
  readonly client: KubeClient;
  /** Aborts when the cluster is left alone for good. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Told after every change of any of them. */
  readonly changes: Signal;
  watch<T extends KubeObject>(kind: Kind<T>, options?: ListOptions): Informer<T>;
}

/** Creates the set; a kind is watched from the first time that someone asks for it until `signal` aborts. */
export function createClusterInformers(
  client: KubeClient,
  signal: AbortSignal,
  log: Logger,
): ClusterInformers {
  const changes = createSignal();
  const started = new Map<string, unknown>();
  return {
    client,
    signal,
    log,
    changes,
    watch<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}) {
      const { namespace = "", labelSelector = "", fieldSelector = "" } = options;
      const id = `${kind.group}/${kind.plural} ${namespace} ${labelSelector} ${fieldSelector}`;
      const present = started.get(id) as Informer<T> | undefined;
      if (present !== undefined) return present;
      const informer = startInformer(client, kind, { ...options, signal, log });
      informer.changes.subscribe(() => changes.notify(), signal);
      started.set(id, informer);
      return informer;
    },
  };
}
