const units: readonly (readonly [unit: string, milliseconds: number])[] = [
  ["y", 365 * 86_400_000],
  ["w", 7 * 86_400_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

const form = new RegExp(`^(?:${units.map(([unit]) => `(\\d+)${unit}`).join(")?(?:")})?$`);

/** Milliseconds of a duration as Prometheus writes it ("1h30m", "250ms"); undefined when it is none. */
export function readDuration(text: string): number | undefined {
  const counts = form.exec(text);
  if (counts === null || text === "") return undefined;
  return units.reduce((sum, [, unit], i) => sum + Number(counts[i + 1] ?? 0) * unit, 0);
}
