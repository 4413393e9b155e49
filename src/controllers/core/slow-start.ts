/**
 * Calls `action` `count` times, in batches of 1, 2, 4, 8 … at a time, and stops after the batch in which one failed:
 * what is refused once is not asked for a thousand times. Gives the first failure, if any.
 */
export async function slowStart(count: number, action: (index: number) => Promise<void>): Promise<unknown> {
  let done = 0;
  for (let batch = 1; done < count; batch *= 2) {
    const size = Math.min(batch, count - done);
    const results = await Promise.allSettled(Array.from({ length: size }, (_, i) => action(done + i)));
    done += size;
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) return failed.reason ?? new Error("failed without a reason");
  }
  return undefined;
}
