import { IsthmusError, nearestName, waitFor } from "../base/index.ts";
import type { RunningMesh } from "./start-mesh.ts";

/** What a stop or start of one cluster did. */
export interface ClusterChange {
  readonly name: string;
  /** False: it was as wanted before. */
  readonly changed: boolean;
  /** After a start: workloads that do not run yet, in words. */
  readonly waitingFor: readonly string[];
  /** The cluster with the control plane that it waits for, which is stopped. */
  readonly primaryStopped?: string;
}

/** Stops one cluster of the mesh; the others go on. */
export async function stopCluster(mesh: RunningMesh, name: string): Promise<ClusterChange> {
  return { name, changed: await mesh.clusterSet.stop(name), waitingFor: [] };
}

/**
 * Starts a stopped cluster and waits until its workloads run, at most `timeout` milliseconds. Without its control
 * plane pods with a proxy can't become ready, so then it does not wait.
 */
export async function startCluster(
  mesh: RunningMesh,
  name: string,
  options: { readonly timeout: number; readonly signal: AbortSignal },
): Promise<ClusterChange> {
  const changed = await mesh.clusterSet.start(name);
  const watch = mesh.watches.get(name);
  if (watch === undefined) return { name, changed, waitingFor: [] }; // Somebody has stopped it since.
  await Promise.all([watch.pods.synced, watch.services.synced, watch.deployments.synced]);
  const { primary = name } = mesh.clusterSet.clusters.get(name) ?? {};
  if (!mesh.clusters.has(primary))
    return { name, changed, waitingFor: watch.waiting(), primaryStopped: primary };
  const deadline = AbortSignal.timeout(options.timeout);
  const isOver = () => watch.waiting().length === 0 || !mesh.watches.has(name);
  try {
    await waitFor(() => (isOver() ? true : undefined), {
      signal: AbortSignal.any([options.signal, deadline]),
      changes: watch.changes,
    });
  } catch (reason) {
    if (!deadline.aborted) throw reason;
  }
  return { name, changed, waitingFor: watch.waiting() };
}

/** `name` when the mesh has such a cluster; otherwise cluster/unknown with those there are, the nearest first. */
export function knownCluster(mesh: RunningMesh, name: string): string {
  const known = [...mesh.clusterSet.clusters.keys()];
  if (known.includes(name)) return name;
  const near = nearestName(name, known);
  throw new IsthmusError("cluster/unknown", `the mesh has no cluster "${name}"`, {
    nextStep: `${near === undefined ? "" : `Did you mean ${near}? `}There are: ${known.join(", ")}.`,
  });
}
