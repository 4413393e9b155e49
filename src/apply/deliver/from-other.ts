import { IsthmusError } from "../../base/index.ts";
import type { WaitOptions } from "./apply-options.ts";
import type { Applying } from "./applying.ts";
import { blocked } from "./others.ts";

/**
 * Gets `what` of another cluster for `waiter`, within the time of the options. Rejects with apply/blocked when that cluster
 * fails first, apply/timed-out when the time is over.
 */
export async function fromOther<T>(
  other: Applying,
  waiter: string,
  what: string,
  options: WaitOptions,
  get: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, addressTimeout, waiting } = options;
  const timeout = AbortSignal.timeout(addressTimeout);
  waiting(waiter, what);
  try {
    return await get(AbortSignal.any([signal, timeout, other.failed]));
  } catch (reason) {
    if (signal.aborted) throw reason;
    if (other.failed.aborted) throw blocked(waiter, what, other.name, other.failed.reason);
    if (!timeout.aborted) throw reason;
    throw new IsthmusError(
      "apply/timed-out",
      `${waiter} did not get ${what} within ${Math.round(addressTimeout / 1000)} s`,
      { cause: reason, nextStep: `Look what ${other.name} lacks, then run this again: it resumes.` },
    );
  } finally {
    waiting(waiter, undefined);
  }
}
