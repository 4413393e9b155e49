import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Logger } from "../../base/index.ts";
import { type KubeClient, kinds, type Secret, startInformer } from "../../kube/index.ts";
import { checkRemoteKubeconfig } from "./check-remote-kubeconfig.ts";
import { type ChangeSink, type ClusterSource, type ObjectSource, watchCluster } from "./sources.ts";

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
  /** Why a Secret's cluster is not served, or not by this Secret: by "namespace/name key". */
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

/** A cluster with one credential. */
interface Connection {
  readonly id: string;
  /** Of the kubeconfig. */
  readonly hash: string;
  readonly client: KubeClient;
  readonly source: ClusterSource;
  readonly stop: AbortController;
}

interface Served {
  secret: string;
  connection: Connection;
  /** With a newer credential, until it has shown everything: then it takes the place of the other. */
  renewed: Connection | undefined;
}

/** What the Secrets say of one cluster. */
interface Wanted {
  readonly secret: string;
  readonly kubeconfig: string;
}

const secretLabel = "istio/multiCluster=true";

/**
 * Follows the remote secrets of the system namespace: each key is a cluster's name, its value a kubeconfig.
 *
 * - A cluster that doesn't answer keeps its last known objects until its Secret goes; none of them holds up another.
 * - Of several Secrets that name one cluster, the oldest counts; the others are reported.
 * - A changed kubeconfig is tried beside the one in use and takes its place when it has shown everything that is
 *   there, so that neither a wrong one nor the change itself costs endpoints.
 */
export function watchRemoteClusters(sink: ChangeSink, options: RemoteOptions): RemoteClusters {
  const { client, signal, log } = options;
  const served = new Map<string, Served>();
  const problems = new Map<string, string>();

  const connect = (id: string, { secret, kubeconfig }: Wanted): Connection | undefined => {
    let remote: KubeClient;
    try {
      checkRemoteKubeconfig(kubeconfig);
      remote = options.connectRemote(kubeconfig, id);
    } catch (reason) {
      const message = reason instanceof Error ? reason.message : String(reason);
      problems.set(`${secret} ${id}`, message);
      log.warn({ cluster: id, secret, message }, "the kubeconfig of a remote secret can't be used");
      return undefined;
    }
    const stop = new AbortController();
    setMaxListeners(0, stop.signal);
    signal.addEventListener("abort", () => stop.abort(), { once: true, signal: stop.signal });
    const source = watchCluster(sink, id, {
      client: remote,
      signal: stop.signal,
      log: log.child({ cluster: id }),
    });
    return { id, hash: hashOf(kubeconfig), client: remote, source, stop };
  };
  const use = (connection: Connection, secret: string) => {
    connection.source.attach();
    options.onAdded(remoteOf({ secret, connection, renewed: undefined }));
  };
  const add = (id: string, wanted: Wanted) => {
    const connection = connect(id, wanted);
    if (connection === undefined) return;
    served.set(id, { secret: wanted.secret, connection, renewed: undefined });
    use(connection, wanted.secret);
    log.info({ cluster: id, secret: wanted.secret }, "remote cluster added");
  };
  const renew = (entry: Served, wanted: Wanted) => {
    const { id } = entry.connection;
    entry.renewed?.stop.abort();
    const renewed = connect(id, wanted);
    entry.renewed = renewed;
    renewed?.source.synced.then(
      () => {
        if (entry.renewed !== renewed) return;
        entry.connection.stop.abort();
        entry.connection = renewed;
        entry.renewed = undefined;
        use(renewed, entry.secret);
        log.info({ cluster: id, secret: entry.secret }, "remote cluster has a new credential");
      },
      () => {}, // Given up for a newer one, or with the cluster.
    );
  };
  const forget = (id: string, entry: Served) => {
    entry.connection.stop.abort();
    entry.renewed?.stop.abort();
    served.delete(id);
    if (sink.objects.clusters.delete(id)) {
      const changes = sink.changes();
      changes.rules = true;
      changes.allEndpoints = true;
      sink.schedule();
    }
    log.info({ cluster: id }, "remote cluster removed");
  };

  const informer = startInformer<Secret>(client, kinds.secrets, {
    namespace: sink.objects.systemNamespace,
    labelSelector: secretLabel,
    signal,
    log,
  });
  /** Makes what is served agree with the Secrets. */
  const reconcile = () => {
    problems.clear();
    const wanted = new Map<string, Wanted>();
    for (const secret of oldestFirst(informer.list())) {
      const name = `${secret.metadata.namespace}/${secret.metadata.name}`;
      for (const [id, value] of Object.entries(secret.data ?? {})) {
        const first = wanted.get(id)?.secret;
        if (id === options.ownClusterId)
          problems.set(`${name} ${id}`, `"${id}" is the control plane's own cluster`);
        else if (first !== undefined)
          problems.set(`${name} ${id}`, `cluster "${id}" comes from ${first} already`);
        else wanted.set(id, { secret: name, kubeconfig: Buffer.from(value, "base64").toString("utf8") });
      }
    }
    for (const [id, entry] of served) if (!wanted.has(id)) forget(id, entry);
    for (const [id, one] of wanted) {
      const entry = served.get(id);
      if (entry === undefined) {
        add(id, one);
        continue;
      }
      entry.secret = one.secret;
      const hash = hashOf(one.kubeconfig);
      if (hash === entry.renewed?.hash) continue;
      if (hash !== entry.connection.hash) renew(entry, one);
      else {
        entry.renewed?.stop.abort();
        entry.renewed = undefined;
      }
    }
  };
  // Before all Secrets are known it can't be said which of two is the older one.
  informer.synced.then(
    () => {
      reconcile();
      informer.changes.subscribe(reconcile, signal);
    },
    () => {}, // Rejected only when the control plane stops.
  );
  const synced = informer.synced.then(() => {});
  synced.catch(() => {}); // Rejected when the control plane stops, whether or not somebody waits for it.
  return {
    synced,
    list: () => [...served.values()].map(remoteOf),
    get(id) {
      const entry = served.get(id);
      return entry === undefined ? undefined : remoteOf(entry);
    },
    problems,
  };
}

/** The cluster as it is served; with a newer credential that is still being tried, what is wrong with that one. */
function remoteOf({ secret, connection, renewed }: Served): RemoteCluster {
  const { id, client, source, stop } = connection;
  const shown: ObjectSource =
    renewed === undefined
      ? source
      : {
          synced: source.synced,
          isSynced: source.isSynced,
          get problem() {
            const reason = renewed.source.problem;
            return reason === undefined
              ? source.problem
              : `the new kubeconfig does not work, the one before it is still in use: ${reason}`;
          },
        };
  return { id, secret, client, source: shown, signal: stop.signal };
}

const hashOf = (kubeconfig: string) => createHash("sha256").update(kubeconfig).digest("hex");

function oldestFirst(secrets: readonly Secret[]): Secret[] {
  const age = ({ metadata }: Secret) => metadata.creationTimestamp ?? "";
  return [...secrets].sort((a, b) =>
    age(a) === age(b) ? (a.metadata.name < b.metadata.name ? -1 : 1) : age(a) < age(b) ? -1 : 1,
  );
}
