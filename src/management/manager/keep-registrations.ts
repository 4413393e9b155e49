import { createSignal, type Logger, type Signal, systemClock } from "../../base/index.ts";
import {
  type Informer,
  jsonEqual,
  type KubeClient,
  type KubernetesCluster,
  kinds,
} from "../../kube/index.ts";
import { timestamp } from "../conditions.ts";
import { keepInStep } from "../keep-in-step.ts";
import type { AgentConnection } from "../relay/start-relay.ts";

/** How often heartbeats are written down, in milliseconds. */
const writeEvery = 10_000;

export interface RegistrationsOptions {
  readonly client: KubeClient;
  readonly registered: Informer<KubernetesCluster>;
  connection(cluster: string): AgentConnection | undefined;
  /** Told when an agent comes or goes. */
  readonly connections: Signal;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Keeps the states of the registered clusters true: at once when an agent comes or goes, heartbeats now and then. */
export function keepRegistrations(options: RegistrationsOptions): void {
  const { client, registered, connections, signal, log } = options;
  const changes = createSignal();
  let version = 0;
  const changed = () => {
    version++;
    changes.notify();
  };
  connections.subscribe(changed, signal);
  registered.subscribe(({ type }) => {
    // Our own writes are no news.
    if (type === "added") changed();
  });
  const beat = () => {
    changed();
    cancel = systemClock.after(writeEvery, beat);
  };
  let cancel = systemClock.after(writeEvery, beat);
  signal.addEventListener("abort", () => cancel());
  keepInStep({
    what: "states of clusters",
    cluster: "management",
    version: () => (registered.isSynced ? version : undefined),
    changes,
    async reconcile() {
      for (const cluster of registered.list()) {
        const { name, namespace = "" } = cluster.metadata;
        const status = stateOf(cluster, options.connection(name));
        if (jsonEqual(cluster.status, status)) continue;
        const how = { type: "merge", namespace, subresource: "status" } as const;
        await client.patch(kinds.kubernetesClusters, name, { status }, how);
      }
    },
    signal,
    log,
  });
}

/** What a registration's status should say. Of an agent that has not called since the start, the last heartbeat stays. */
export function stateOf(
  { status, metadata }: KubernetesCluster,
  connection: AgentConnection | undefined,
): NonNullable<KubernetesCluster["status"]> {
  if (connection === undefined) {
    if (status?.lastHeartbeat === undefined)
      return { state: "Waiting", message: `waiting for the first call of the agent of ${metadata.name}` };
    return { ...status, state: "Disconnected", message: `last heard of at ${status.lastHeartbeat}` };
  }
  const { isConnected, lastSeen, since, agentVersion, kubernetesVersion } = connection;
  return {
    state: isConnected ? "Connected" : "Disconnected",
    lastHeartbeat: timestamp(lastSeen),
    connectedSince: timestamp(since),
    agentVersion,
    kubernetesVersion,
    message: isConnected ? "" : `last heard of at ${timestamp(lastSeen)}`,
  };
}
