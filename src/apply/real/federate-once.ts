import { IsthmusError, type Logger, waitFor } from "../../base/index.ts";
import { managementCluster } from "../../compile/index.ts";
import { createClusterInformers, startFederation } from "../../management/index.ts";
import type { Mesh } from "../../mesh/index.ts";
import type { RealCluster } from "./real-cluster.ts";

/**
 * Brings exported services in step between the clusters of a mesh whose services cross by exports and that has no manager
 * who does it all the time: what is exported now gets its names in the other clusters, what is not any more loses them.
 * Resolves with a failure for each cluster that did not get there within `timeout` milliseconds.
 */
export async function federateOnce(
  clusters: readonly RealCluster[],
  {
    mesh,
    timeout,
    signal,
    log,
    waiting,
  }: {
    readonly mesh: Mesh;
    readonly timeout: number;
    readonly signal: AbortSignal;
    readonly log: Logger;
    waiting(cluster: string, what: string | undefined): void;
  },
): Promise<ReadonlyMap<string, IsthmusError>> {
  if (mesh.discovery !== "exports" || managementCluster(mesh) !== undefined) return new Map();
  const done = new AbortController();
  const ends = AbortSignal.any([signal, done.signal]);
  const federation = startFederation({ hostSuffix: mesh.hostSuffix, signal: ends, log });
  const names: string[] = [];
  for (const { name, client } of clusters) {
    const cluster = [...mesh.clusters.values()].find((one) => one.name === name);
    if (cluster === undefined || cluster.role !== "workload" || cluster.consumer !== undefined) continue;
    names.push(name);
    waiting(name, "the names of exported services");
    federation.add({ name, primary: cluster.primary, informers: createClusterInformers(client, ends, log) });
  }
  const deadline = AbortSignal.timeout(timeout);
  try {
    await waitFor(() => (federation.behind().length === 0 ? true : undefined), {
      signal: AbortSignal.any([signal, deadline]),
      changes: federation.reached,
    });
    return new Map();
  } catch (reason) {
    if (!deadline.aborted || signal.aborted) throw reason;
    const failure = (name: string) =>
      new IsthmusError(
        "apply/timed-out",
        `${name} did not get the names of the other clusters' exported services within ${Math.round(timeout / 1000)} s`,
        {
          nextStep: "Look whether its API answers and serves Istio's kinds, then run this again: it resumes.",
        },
      );
    return new Map(federation.behind().map((name) => [name, failure(name)]));
  } finally {
    done.abort();
    for (const name of names) waiting(name, undefined);
  }
}
