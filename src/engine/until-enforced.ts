import { waitFor } from "../base/index.ts";
import { type KubeClient, kinds, managementNamespace, type Workspace } from "../kube/index.ts";

/** How often the management cluster is asked, in milliseconds. */
const askEvery = 100;

/**
 * Waits until what the workspaces on a management cluster declare now is in every control plane, for all of their
 * namespaces that exist. `namespaces` gives those of a cluster by name. Resolves with the workspaces that were still
 * waited for when `timeout` milliseconds were over; rejects when `signal` aborts.
 */
export async function untilEnforced(
  client: KubeClient,
  namespaces: ReadonlyMap<string, () => Promise<readonly string[]>>,
  { timeout, signal }: { readonly timeout: number; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const deadline = AbortSignal.timeout(timeout);
  let waiting: readonly string[] = [];
  const probe = async () => {
    const [{ items }, existing] = await Promise.all([
      client.list(kinds.workspaces, { namespace: managementNamespace }),
      Promise.all(
        [...namespaces].map(async ([cluster, list]) => (await list()).map((name) => `${cluster}/${name}`)),
      ),
    ]);
    waiting = unenforced(items, existing.flat());
    return waiting.length === 0 ? waiting : undefined;
  };
  try {
    return await waitFor(probe, { signal: AbortSignal.any([signal, deadline]), every: askEvery });
  } catch (reason) {
    if (!deadline.aborted || signal.aborted) throw reason;
    return waiting;
  }
}

/** Names of the workspaces whose state does not yet speak of what they declare. `existing`: "cluster/namespace". */
export function unenforced(workspaces: readonly Workspace[], existing: readonly string[]): readonly string[] {
  // A namespace that two of them claim is one's; its state is the other's problem.
  const taken = new Set(workspaces.flatMap(({ status }) => status?.namespaces ?? []));
  return workspaces
    .filter(({ metadata, spec, status }) => {
      const isCurrent = status?.observedGeneration === metadata.generation;
      const enforced = status?.conditions?.find(({ type }) => type === "Enforced")?.status === "True";
      const claimed = existing.filter((place) => {
        const [cluster, namespace = ""] = place.split("/");
        return spec.clusters.some(
          ({ name, namespaces }) => (name === "*" || name === cluster) && namespaces.includes(namespace),
        );
      });
      return !isCurrent || !enforced || claimed.some((place) => !taken.has(place));
    })
    .map(({ metadata }) => metadata.name);
}
