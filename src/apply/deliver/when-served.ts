import { createSignal, IsthmusError, type Signal, waitFor } from "../../base/index.ts";
import { type KubeObject, kinds, startInformer } from "../../kube/index.ts";
import { applyObject } from "./apply-object.ts";
import type { WriteOptions } from "./apply-options.ts";
import type { Applying } from "./applying.ts";

/**
 * Applies objects as soon as a CustomResourceDefinition serves their kinds. Resolves when all are applied; rejects with the
 * signal's reason when it aborts, and with what `refused` throws.
 */
export async function applyWhenServed(
  cluster: Applying,
  objects: readonly KubeObject[],
  options: WriteOptions,
  refused: (object: KubeObject, reason: unknown) => void,
): Promise<void> {
  const { signal, log } = options;
  const { client, resources } = cluster;
  const done = new AbortController();
  const ended = AbortSignal.any([signal, done.signal]);
  const crds = startInformer(client, kinds.customResourceDefinitions, { signal: ended, log });
  const changed: Signal = createSignal();
  crds.changes.subscribe(() => changed.notify(), ended);
  let left = objects;
  try {
    await waitFor(
      async () => {
        resources.forget();
        const still: KubeObject[] = [];
        for (const object of left) {
          const applied = await applyObject(cluster, object, options).catch((reason: unknown) => {
            refused(object, reason);
            return true;
          });
          if (!applied) still.push(object);
        }
        left = still;
        return left.length === 0 ? true : undefined;
      },
      { signal: ended, changes: changed },
    );
  } finally {
    done.abort();
  }
}

/** The same, for whoever waits for it: rejects with apply/timed-out when a kind is not served in time. */
export async function untilServed(
  cluster: Applying,
  objects: readonly KubeObject[],
  options: WriteOptions,
): Promise<void> {
  const { addressTimeout, waiting } = options;
  const what = [...new Set(objects.map(({ kind, apiVersion }) => `${kind} (${apiVersion})`))].join(", ");
  const timeout = AbortSignal.timeout(addressTimeout);
  waiting(cluster.name, `a definition of ${what}`);
  try {
    await applyWhenServed(
      cluster,
      objects,
      { ...options, signal: AbortSignal.any([options.signal, timeout]) },
      (_object, reason) => {
        throw reason;
      },
    );
  } catch (reason) {
    if (!timeout.aborted || reason instanceof IsthmusError) throw reason;
    throw new IsthmusError(
      "apply/timed-out",
      `${cluster.name} does not serve ${what} after ${Math.round(addressTimeout / 1000)} s`,
      {
        nextStep:
          "Add the chart or the manifest that brings the definition to the mesh file, then run this again.",
      },
    );
  } finally {
    waiting(cluster.name, undefined);
  }
}
