import type { KubeObject } from "../../kube/index.ts";

/** What needs what comes before it: pods their accounts and settings, objects their kinds and namespaces. */
const turns: readonly (readonly string[])[] = [
  ["CustomResourceDefinition"],
  ["Namespace"],
  [],
  ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob"],
  ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
];
const others = turns.findIndex((kinds) => kinds.length === 0);

/**
 * Does `step` for every object, at most `width` at a time. One at a time keeps their order; several go in turns, so that what
 * others need is there. After the first failure no more are begun.
 */
export async function inTurns<T extends { readonly object: KubeObject }>(
  items: readonly T[],
  width: number,
  step: (item: T) => Promise<void>,
): Promise<void> {
  if (width === 1) {
    for (const item of items) await step(item);
    return;
  }
  for (const turn of turns.keys())
    await together(
      items.filter(({ object }) => turnOf(object) === turn),
      width,
      step,
    );
}

function turnOf({ kind }: KubeObject): number {
  const turn = turns.findIndex((kinds) => kinds.includes(kind));
  return turn < 0 ? others : turn;
}

async function together<T>(
  items: readonly T[],
  width: number,
  step: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let hasFailed = false;
  const work = async () => {
    for (let at = next++; at < items.length && !hasFailed; at = next++) {
      try {
        await step(items[at] as T);
      } catch (reason) {
        hasFailed = true;
        throw reason;
      }
    }
  };
  // All of them settle first: nothing is written any more when the caller hears of the failure.
  const settled = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, work));
  const failed = settled.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
