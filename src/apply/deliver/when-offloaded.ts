import { IsthmusError, waitFor } from "../../base/index.ts";
import {
  type KubeObject,
  kinds,
  type NamespaceOffloading,
  openConditions,
  startInformer,
} from "../../kube/index.ts";
import type { WaitOptions } from "./apply-options.ts";
import type { Applying } from "./applying.ts";

/** Phases after which nothing more happens by itself. */
const failedPhases: readonly (string | undefined)[] = ["SomeFailed", "AllFailed"];

/**
 * Waits until the namespaces of `objects`, NamespaceOffloadings that were applied, exist where they are offloaded to:
 * pods that are made before may not run there. Rejects with peering/refused when a provider does not take one, and with
 * peering/not-established when it takes longer than the options' addressTimeout.
 */
export async function whenOffloaded(
  { client, name }: Pick<Applying, "client" | "name">,
  objects: readonly KubeObject[],
  { signal, addressTimeout, waiting, log }: WaitOptions,
): Promise<void> {
  const wanted = objects.flatMap(({ kind, metadata }) =>
    kind === kinds.namespaceOffloadings.kind ? [metadata.namespace ?? "default"] : [],
  );
  if (wanted.length === 0) return;
  const done = new AbortController();
  const timeout = AbortSignal.timeout(addressTimeout);
  const ended = AbortSignal.any([signal, timeout, done.signal]);
  const offloadings = startInformer(client, kinds.namespaceOffloadings, { signal: ended, log });
  let open = wanted;
  const probe = () => {
    const found = wanted.map((namespace) => ({
      namespace,
      offloading: offloadings.get("offloading", namespace),
    }));
    for (const { namespace, offloading } of found) refused(name, namespace, offloading);
    open = found.filter(({ offloading }) => phaseOf(offloading) !== "Ready").map((one) => one.namespace);
    if (open.length === 0) return true;
    waiting(name, `the namespace ${open[0]} on its providers`);
    return undefined;
  };
  try {
    await waitFor(probe, { signal: ended, changes: offloadings.changes });
  } catch (reason) {
    if (!timeout.aborted) throw reason;
    const seconds = Math.round(addressTimeout / 1000);
    const missing = open.map((namespace) => `namespace ${namespace}`).join(", ");
    const why = (await missingParts(client)).map((part) => `\n    ${part}`).join("");
    throw new IsthmusError(
      "peering/not-established",
      `${missing} of ${name} did not come to its providers within ${seconds} s${why}`,
      {
        nextStep: `kubectl --context ${name} get foreignclusters -o yaml says how far each peering is. Run this again when the provider answers: it resumes.`,
      },
    );
  } finally {
    done.abort();
    waiting(name, undefined);
  }
}

/** What is not as it should be with the peerings of a consumer, each with the step that it is at. */
async function missingParts(client: Applying["client"]): Promise<readonly string[]> {
  const { items } = await client.list(kinds.foreignClusters);
  return items.flatMap((cluster) =>
    openConditions(cluster).map(
      ({ type, status, message }) =>
        `${cluster.metadata.name}: ${type} is ${status}${message === undefined ? "" : `, ${message}`}`,
    ),
  );
}

/** The phase that answers what the object says now. */
function phaseOf(offloading: NamespaceOffloading | undefined): string | undefined {
  const { metadata, status } = offloading ?? {};
  return status?.observedGeneration === metadata?.generation ? status?.offloadingPhase : undefined;
}

function refused(cluster: string, namespace: string, offloading: NamespaceOffloading | undefined): void {
  if (!failedPhases.includes(phaseOf(offloading))) return;
  const [provider, why] =
    Object.entries(offloading?.status?.remoteNamespacesConditions ?? {})
      .map(
        ([name, conditions]) =>
          [
            name,
            conditions.find(({ type, status }) => type === "Ready" && status === "False")?.message,
          ] as const,
      )
      .find(([, message]) => message !== undefined) ?? [];
  throw new IsthmusError(
    "peering/refused",
    `namespace ${namespace} of ${cluster} can't be offloaded${provider === undefined ? "" : ` to ${provider}`}: ${why ?? "its status says no more"}`,
    {
      nextStep: `Give the namespace on ${provider ?? "the provider"} or in the mesh file another name, or delete the one that is there; then run this again.`,
    },
  );
}
