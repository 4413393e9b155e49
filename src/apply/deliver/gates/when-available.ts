import { IsthmusError, pause, systemClock } from "../../../base/index.ts";
import type { Kind, KubeClient, KubeObject } from "../../../kube/index.ts";
import type { WaitOptions } from "../apply-options.ts";
import type { Applying } from "../applying.ts";
import { whyNotAvailable } from "./why-not-available.ts";

/** Milliseconds between two looks at a workload. */
const every = 250;

/**
 * Waits until a Deployment, StatefulSet or DaemonSet is as it was asked for: its newest version rolled out and available.
 * Rejects with apply/timed-out and the reason that pods, events and conditions give.
 */
export async function whenAvailable(
  { client, name: cluster, resources }: Pick<Applying, "client" | "name" | "resources">,
  workload: KubeObject,
  { signal, addressTimeout, waiting }: WaitOptions,
): Promise<void> {
  const { name, namespace = "default" } = workload.metadata;
  const kind = await resources.find(workload.apiVersion, workload.kind);
  if (kind === undefined) return;
  const shown = `${workload.kind} ${namespace}/${name}`;
  const until = systemClock.now() + addressTimeout;
  try {
    for (;;) {
      signal.throwIfAborted();
      const state = await look(client, kind, name, namespace);
      if (state === undefined) return;
      if (systemClock.now() > until) {
        const present = (await client.get(kind, name, namespace)) ?? workload;
        const why = await whyNotAvailable(client, present);
        throw new IsthmusError(
          "apply/timed-out",
          `${cluster}: ${shown} is not available after ${Math.round(addressTimeout / 1000)} s (${state})${why === "" ? "" : `: ${why}`}`,
          {
            nextStep: `kubectl --context ${cluster} -n ${namespace} describe pods shows more. When it is mended, run this again: it resumes.`,
          },
        );
      }
      waiting(cluster, `${shown} (${state})`);
      await pause(systemClock, every, signal);
    }
  } finally {
    waiting(cluster, undefined);
  }
}

/** Undefined when it is available; else how far it is. */
async function look(
  client: KubeClient,
  kind: Kind,
  name: string,
  namespace: string,
): Promise<string | undefined> {
  const present = await client.get(kind, name, namespace);
  if (present === undefined) return "not there";
  const { replicas = 1 } = (present["spec"] ?? {}) as { readonly replicas?: number };
  const status = (present["status"] ?? {}) as Readonly<Record<string, number | undefined>>;
  if ((status["observedGeneration"] ?? 0) < (present.metadata.generation ?? 0)) return "not seen yet";
  const isDaemonSet = kind.kind === "DaemonSet";
  const wanted = isDaemonSet ? (status["desiredNumberScheduled"] ?? 0) : replicas;
  const updated = status[isDaemonSet ? "updatedNumberScheduled" : "updatedReplicas"] ?? 0;
  const available = status[isDaemonSet ? "numberAvailable" : "availableReplicas"] ?? 0;
  // While pods of the version before are there, the available ones may be those.
  const old = isDaemonSet ? 0 : (status["replicas"] ?? 0) - updated;
  if (updated >= wanted && old > 0) return `${old} of the version before left`;
  const ready = Math.min(updated, available);
  return ready >= wanted ? undefined : `${ready} of ${wanted} ready`;
}
