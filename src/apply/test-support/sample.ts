/**
 * Some of the cases, spread over all of them: which ones is drawn by FAULT_SEED, always the same when it is not set. All of
 * them with EVERY_FAULT=1.
 */
export function sampleOf<T>(cases: readonly T[], count: number): readonly T[] {
  if (process.env["EVERY_FAULT"] === "1") return cases;
  const random = randomNumbers(Number(process.env["FAULT_SEED"] ?? 1));
  const width = cases.length / count;
  // One of each stretch, so that no part of them is left out.
  return Array.from({ length: Math.min(count, cases.length) }, (_, i) => {
    const at = Math.floor((i + random()) * Math.max(1, width));
    return cases[Math.min(at, cases.length - 1)] as T;
  });
}

/** Does `step` for each, `width` at a time, and rejects with the first failure when all are over. */
export async function sideBySide<T>(
  items: readonly T[],
  width: number,
  step: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const failures: unknown[] = [];
  const work = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift())
      await step(item).catch((reason: unknown) => failures.push(reason));
  };
  await Promise.all(Array.from({ length: width }, work));
  if (failures.length > 0) throw failures[0];
}

/** Numbers from 0 to 1 (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
