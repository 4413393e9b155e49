import { createRetry, type Logger, pause, type Signal, systemClock, waitFor } from "../base/index.ts";

export interface KeepInStepOptions {
  /** What is kept, for the log: "exported services". */
  readonly what: string;
  readonly cluster: string;
  /** Of what should be; undefined: not known yet, nothing is done. */
  version(): number | undefined;
  readonly changes: Signal;
  /** Milliseconds between two rounds, at least. Default: none. */
  readonly pace?: number;
  /** Makes the cluster what it should be at the present version. */
  reconcile(): Promise<void>;
  /** Told when a version is reached. */
  reached?(version: number): void;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * Reconciles one cluster whenever the version of what should be has moved, until the signal aborts. A failure is
 * tried again, by and by more seldom; it holds up no other cluster.
 */
export function keepInStep(options: KeepInStepOptions): void {
  const { what, cluster, changes, signal, log } = options;
  const run = async () => {
    const retry = createRetry(systemClock, { first: 100, most: 5000 });
    let done: number | undefined;
    for (;;) {
      const probe = () => {
        const version = options.version();
        return version === done ? undefined : version;
      };
      const now = await waitFor(probe, { signal, changes });
      try {
        await options.reconcile();
        done = now;
        options.reached?.(now);
        retry.reset();
        if (options.pace !== undefined) await pause(systemClock, options.pace, signal);
      } catch (reason) {
        log.warn({ cluster, reason: String(reason) }, `${what}: trying again`);
        await retry.wait(signal);
      }
    }
  };
  run().catch((reason: unknown) => {
    if (!signal.aborted) log.error({ cluster, reason: String(reason) }, `${what}: no longer kept in step`);
  });
}
