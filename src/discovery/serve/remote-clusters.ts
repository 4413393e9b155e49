import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Logger } from "../../base/index.ts";
import { type KubeClient, kinds, type Secret, startInformer } from "../../kube/index.ts";
import type { ChangeSink, ObjectSource } from "./sources.ts";
import { watchCluster } from "./sources.ts";

/** A cluster that the control plane serves although it does not run there. */
export interface RemoteCluster {
  readonly id: string;
  /** "namespace/name" of the Secret that its kubeconfig came from. */
  readonly secret: string;
  readonly client: KubeClient;
  readonly source: ObjectSource;
  readonly signal: AbortSignal;
}

export interface RemoteClusters {
  /** Resolves when the Secrets were listed once. */
  readonly synced: Promise<void>;
  list(): readonly RemoteCluster[];
  get(id: string): RemoteCluster | undefined;
  /** Why a Secret's cluster is not served: by "namespace/name key". */
  readonly problems: ReadonlyMap<string, string>;
}

interface RemoteOptions {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly ownClusterId: string;
  connectRemote(kubeconfig: string, clusterId: string): KubeClient;
  onAdded(cluster: RemoteCluster): void;
}

const secretLabel = "istio/multiCluster=true";

/**
 * Follows the remote secrets of the system namespace: each key is a cluster's name, its value a kubeconfig.
 * A cluster that doesn't answer keeps its last known objects until its Secret goes; none of them holds up another.
 */
export function watchRemoteClusters(sink: ChangeSink, options: RemoteOptions): RemoteClusters {
  const { client, signal, log } = options;
  const running = new Map<
    string,
    { readonly cluster: RemoteCluster; readonly hash: string; readonly stop: AbortController }
  >();
  const problems = new Map<string, string>();

  const stop = (id: string) => {
    running.get(id)?.stop.abort();
    running.delete(id);
  };
  const forget = (id: string) => {
    stop(id);
    if (sink.objects.clusters.delete(id)) {
      const changes = sink.changes();
      changes.rules = true;
      changes.allEndpoints = true;
      sink.schedule();
    }
    log.info({ cluster: id }, "remote cluster removed");
  };
  const start = (id: string, secret: string, kubeconfig: string) => {
    const problemKey = `${secret} ${id}`;
    const hash = createHash("sha256").update(kubeconfig).digest("hex");
    const before = running.get(id);
    if (id === options.ownClusterId) {
      problems.set(problemKey, `"${id}" is the control plane's own cluster`);
      return;
    }
    if (before !== undefined && before.cluster.secret !== secret) {
      problems.set(problemKey, `cluster "${id}" comes from ${before.cluster.secret} already`);
      return;
    }
    if (before?.hash === hash) return;
    let remote: KubeClient;
    try {
      remote = options.connectRemote(kubeconfig, id);
    } catch (reason) {
      const message = reason instanceof Error ? reason.message : String(reason);
      problems.set(problemKey, message);
      log.warn({ cluster: id, secret, message }, "the kubeconfig of a remote secret can't be used");
      return;
    }
    problems.delete(problemKey);
    // What was known stays until the new connection has shown what there is.
    stop(id);
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    signal.addEventListener("abort", () => controller.abort(), { once: true, signal: controller.signal });
    const clusterLog = log.child({ cluster: id });
    const source = watchCluster(sink, id, { client: remote, signal: controller.signal, log: clusterLog });
    const cluster: RemoteCluster = { id, secret, client: remote, source, signal: controller.signal };
    running.set(id, { cluster, hash, stop: controller });
    log.info({ cluster: id, secret }, "remote cluster added");
    options.onAdded(cluster);
  };

  const informer = startInformer<Secret>(client, kinds.secrets, {
    namespace: sink.objects.systemNamespace,
    labelSelector: secretLabel,
    signal,
    log,
  });
  const apply = (secret: Secret, isDeleted: boolean) => {
    const name = `${secret.metadata.namespace}/${secret.metadata.name}`;
    const data = isDeleted ? {} : (secret.data ?? {});
    for (const key of [...problems.keys()]) if (key.startsWith(`${name} `)) problems.delete(key);
    for (const { cluster } of [...running.values()])
      if (cluster.secret === name && !(cluster.id in data)) forget(cluster.id);
    for (const [id, value] of Object.entries(data))
      start(id, name, Buffer.from(value, "base64").toString("utf8"));
  };
  informer.subscribe(({ type, object }) => {
    apply(object, type === "deleted");
    // A Secret that went may have kept another one's cluster of the same name out.
    if (type === "deleted") for (const other of informer.list()) apply(other, false);
  });
  return {
    synced: informer.synced,
    list: () => [...running.values()].map(({ cluster }) => cluster),
    get: (id) => running.get(id)?.cluster,
    problems,
  };
}
