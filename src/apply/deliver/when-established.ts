import { IsthmusError, pause, systemClock } from "../../base/index.ts";
import { type KubeObject, kinds } from "../../kube/index.ts";
import type { WaitOptions } from "./apply-options.ts";
import type { Applying } from "./applying.ts";

/** Milliseconds between two looks: a definition is established within a second. */
const every = 100;

/** Waits until the kinds of CustomResourceDefinitions that were just applied can be used. */
export async function whenEstablished(
  { client, resources, name: cluster }: Pick<Applying, "client" | "resources" | "name">,
  definitions: readonly KubeObject[],
  { signal, addressTimeout, waiting }: WaitOptions,
): Promise<void> {
  if (definitions.length === 0) return;
  const until = systemClock.now() + addressTimeout;
  try {
    for (const { metadata } of definitions) {
      for (;;) {
        signal.throwIfAborted();
        const present = await client.get(kinds.customResourceDefinitions, metadata.name);
        if (isEstablished(present)) break;
        if (systemClock.now() > until)
          throw new IsthmusError(
            "apply/timed-out",
            `${cluster} does not serve ${metadata.name} after ${Math.round(addressTimeout / 1000)} s`,
            { nextStep: `kubectl --context ${cluster} describe crd ${metadata.name} says why.` },
          );
        waiting(cluster, `the kind of ${metadata.name}`);
        await pause(systemClock, every, signal);
      }
    }
  } finally {
    waiting(cluster, undefined);
  }
  resources.forget();
}

function isEstablished(definition: KubeObject | undefined): boolean {
  const { conditions = [] } = (definition?.["status"] ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return conditions.some(({ type, status }) => type === "Established" && status === "True");
}
