/** Ends what was started and waits until it has ended. Safe to call twice. */
export type Stop = () => Promise<void>;

/**
 * Starts parts in order and returns one function that stops them in reverse.
 * If a part fails to start, the parts before it are stopped before the failure is thrown.
 * Every part is stopped, even when an earlier stop fails.
 */
export async function startAll(parts: readonly (() => Promise<Stop>)[]): Promise<Stop> {
  const stops: Stop[] = [];
  const stopAll = async () => {
    const failures: unknown[] = [];
    for (const stop of stops.splice(0).reverse()) {
      await stop().catch((reason) => failures.push(reason));
    }
    if (failures.length > 0) throw new AggregateError(failures, "some parts did not stop cleanly");
  };
  try {
    for (const start of parts) stops.push(await start());
  } catch (reason) {
    await stopAll().catch(() => {}); // The start failure is the one worth reporting.
    throw reason;
  }
  return stopAll;
}
