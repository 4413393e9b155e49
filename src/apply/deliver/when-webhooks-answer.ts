import { createRetry, systemClock } from "../../base/index.ts";
import { isApiError } from "../../kube/index.ts";
import type { WaitOptions } from "./apply-options.ts";

/**
 * Writes to a cluster, again and again while an admission webhook that must be asked can't be: when a mesh starts again,
 * its control planes start beside what is applied. Gives up after the options' addressTimeout.
 */
export async function whenWebhooksAnswer(
  cluster: string,
  { signal, addressTimeout, waiting }: Omit<WaitOptions, "log">,
  write: () => Promise<unknown>,
): Promise<void> {
  const retry = createRetry(systemClock, { first: 20, most: 250 });
  const until = systemClock.now() + addressTimeout;
  let isWaiting = false;
  try {
    for (;;) {
      try {
        await write();
        return;
      } catch (reason) {
        const webhook = awayWebhook(reason);
        if (webhook === undefined || signal.aborted || systemClock.now() > until) throw reason;
        if (!isWaiting) waiting(cluster, `webhook ${webhook}`);
        isWaiting = true;
        await retry.wait(signal);
      }
    }
  } finally {
    if (isWaiting) waiting(cluster, undefined);
  }
}

/** The webhook that a request was refused for because it did not answer. */
function awayWebhook(reason: unknown): string | undefined {
  if (!isApiError(reason, 500)) return undefined;
  return /failed calling webhook "([^"]+)"/.exec(reason.message)?.[1];
}
