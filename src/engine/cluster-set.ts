import { IsthmusError, type Logger, type Stop } from "../base/index.ts";
import { type ApiTransport, createKubeClient, type KubeClient } from "../kube/index.ts";
import type { Cluster, Mesh } from "../mesh/index.ts";
import type { ClaimedBlock } from "./address-blocks.ts";
import { type ClusterWatch, watchCluster } from "./cluster-watch.ts";
import { serveStoppedApi } from "./stopped-api.ts";
import { stoppedCluster } from "./stopped-cluster.ts";
import { type MeshParts, type RunningCluster, startCluster } from "./wire.ts";

/**
 * The clusters of one mesh, each of which can be stopped and started alone. A stopped one keeps its block of addresses
 * claimed; it comes back from its change log with the same addresses, keys and objects. Stops and starts of one
 * cluster happen one after another.
 */
export interface ClusterSet {
  /** All of the mesh, running or not, in its order. */
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** Those that run now. */
  readonly running: ReadonlyMap<string, RunningCluster>;
  /** What the engine sees of those that run now. */
  readonly watches: ReadonlyMap<string, ClusterWatch>;
  /** Of every cluster that ran once. While it is stopped they answer cluster/stopped. */
  readonly clients: ReadonlyMap<string, KubeClient>;
  /** The block of every cluster, running or not. */
  readonly blocks: ReadonlyMap<string, number>;
  /** False when it ran already. Rejects when it can't start; then it is stopped. */
  start(name: string): Promise<boolean>;
  /** False when it was stopped already. */
  stop(name: string): Promise<boolean>;
  /** Stops all for good. The blocks stay claimed: giving them back is up to who claimed them. */
  end(): Promise<void>;
}

export interface ClusterSetOptions {
  readonly mesh: Mesh;
  readonly blocks: ReadonlyMap<string, ClaimedBlock>;
  readonly parts: MeshParts;
  /** False: nothing of a cluster's objects outlives its API server, so it can't be stopped alone. */
  readonly persistent: boolean;
  readonly log: Logger;
  folder(cluster: string): string;
  /** Images that can't run here: nobody waits for those. */
  hasNoStandIn(image: string): boolean;
}

/** Creates the set; nothing runs before `start`. */
export function createClusterSet(options: ClusterSetOptions): ClusterSet {
  const { mesh, parts, persistent, log } = options;
  const clusters = new Map<string, Cluster>(mesh.clusters);
  const answering = new Map<string, Stop>();
  const running = new Map<string, RunningCluster>();
  const watches = new Map<string, ClusterWatch>();
  const watching = new Map<string, AbortController>();
  const clients = new Map<string, KubeClient>();
  const turns = new Map<string, Promise<unknown>>();
  let ended = false;

  const inTurn = <T>(name: string, action: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(name) ?? Promise.resolve()).then(action, action);
    turns.set(name, turn);
    return turn;
  };

  const start = async (cluster: Cluster): Promise<boolean> => {
    const { name } = cluster;
    if (ended) throw new IsthmusError("engine/not-running", "the mesh is ending");
    if (running.has(name)) return false;
    const block = options.blocks.get(name);
    if (block === undefined) throw new Error(`no block was claimed for ${name}`);
    await answering.get(name)?.();
    answering.delete(name);
    const started = await startCluster(cluster, block, parts, { folder: options.folder(name), persistent });
    transports.set(name, started.transport);
    const client = clients.get(name) ?? createKubeClient(lastingTransport(name));
    clients.set(name, client);
    const abort = new AbortController();
    watching.set(name, abort);
    const { hasNoStandIn } = options;
    watches.set(name, watchCluster(started.client, { signal: abort.signal, log, hasNoStandIn }));
    running.set(name, { ...started, client });
    // Whatever is listed is listed in the mesh file's order, whichever started first.
    for (const one of clusters.keys())
      for (const map of [running, watches] as Map<string, unknown>[]) moveLast(map, one);
    return true;
  };

  const stop = async (name: string): Promise<RunningCluster | undefined> => {
    const cluster = running.get(name);
    if (cluster === undefined) return undefined;
    running.delete(name);
    watches.delete(name);
    watching.get(name)?.abort();
    watching.delete(name);
    transports.delete(name);
    try {
      await cluster.stop();
    } catch (reason) {
      const text = reason instanceof Error ? reason.stack : String(reason);
      log.error({ cluster: name, reason: text }, "a part did not stop cleanly");
    }
    return cluster;
  };

  // Clients outlive a stop: whoever holds one gets a clear answer while the cluster is away, and goes on afterwards.
  const transports = new Map<string, ApiTransport>();
  const lastingTransport = (name: string): ApiTransport => ({
    async send(request, signal) {
      const transport = transports.get(name);
      if (transport === undefined) throw stoppedCluster(name);
      return transport.send(request, signal);
    },
  });

  return {
    clusters,
    running,
    watches,
    clients,
    blocks: new Map([...options.blocks].map(([name, { block }]) => [name, block])),
    start(name) {
      const cluster = clusters.get(name);
      if (cluster === undefined) throw new Error(`the mesh has no cluster ${name}`);
      return inTurn(name, () => start(cluster));
    },
    stop: (name) =>
      inTurn(name, async () => {
        if (!persistent && running.has(name))
          throw new IsthmusError("arguments/wrong", `${name} keeps no objects, so it could not come back`, {
            nextStep: "Start the mesh without --ephemeral to stop its clusters one by one.",
          });
        const stopped = await stop(name);
        const block = options.blocks.get(name);
        if (stopped !== undefined && block !== undefined)
          answering.set(name, serveStoppedApi(name, block, stopped.keys));
        return stopped !== undefined;
      }),
    async end() {
      ended = true;
      for (const name of [...clusters.keys()].reverse()) await inTurn(name, () => stop(name));
      await Promise.all([...answering.values()].map((stopAnswering) => stopAnswering()));
    },
  };
}

function moveLast(map: Map<string, unknown>, key: string): void {
  const value = map.get(key);
  if (map.delete(key)) map.set(key, value);
}
