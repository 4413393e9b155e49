import { type Logger, systemClock } from "../../base/index.ts";
import {
  createKubeClient,
  type Informer,
  type KubernetesCluster,
  kinds,
  systemNamespace as namespace,
  remoteSecretName,
  startInformer,
} from "../../kube/index.ts";
import { keepRemoteCredential } from "../credentials/keep-remote-credential.ts";
import type { FleetConnections } from "./start-manager.ts";

export interface RemoteCredentialsOptions {
  readonly registered: Informer<KubernetesCluster>;
  readonly connections: Pick<FleetConnections, "transport">;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** One control plane's way to one cluster. */
interface Reading {
  readonly cluster: string;
  readonly remote: string;
  readonly lifetime: number;
}

/** Keeps the remote credentials alive that registrations name. Of a Secret nothing but itself is read: rights are given by name. */
export function keepRemoteCredentials({
  registered,
  connections,
  signal,
  log,
}: RemoteCredentialsOptions): void {
  const kept = new Map<string, AbortController>();
  const client = (cluster: string) => createKubeClient(connections.transport(cluster));
  const keep = ({ cluster, remote, lifetime }: Reading): AbortController => {
    const left = new AbortController();
    const ends = AbortSignal.any([signal, left.signal]);
    const reader = client(cluster);
    keepRemoteCredential({
      ...{ cluster, client: reader, remote, remoteClient: client(remote), lifetime },
      secrets: startInformer(reader, kinds.secrets, {
        namespace,
        fieldSelector: `metadata.name=${remoteSecretName(remote)}`,
        ...{ signal: ends, log },
      }),
      ...{ clock: systemClock, signal: ends, log },
    });
    return left;
  };
  registered.changes.subscribe(() => {
    if (!registered.isSynced) return;
    const wanted = new Map(
      registered
        .list()
        .flatMap(readingsOf)
        .map((one) => [idOf(one), one]),
    );
    for (const [id, left] of kept)
      if (!wanted.has(id)) {
        left.abort();
        kept.delete(id);
      }
    for (const [id, reading] of wanted) if (!kept.has(id)) kept.set(id, keep(reading));
  }, signal);
}

function readingsOf({ metadata, spec }: KubernetesCluster): readonly Reading[] {
  const { clusters = [], lifetime = 0 } = spec?.remoteCredentials ?? {};
  return clusters.map((remote) => ({ cluster: metadata.name, remote, lifetime }));
}

function idOf({ cluster, remote, lifetime }: Reading): string {
  return `${cluster} ${remote} ${lifetime}`;
}
