import { IsthmusError } from "../base/index.ts";

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of an option's value: "500ms", "10s", "2m", "1h", or seconds without a unit. arguments/wrong otherwise. */
export function readDuration(text: string, option: string): number {
  const [, value, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  if (value === undefined)
    throw new IsthmusError("arguments/wrong", `${option} wants 500ms, 10s, 2m or 1h, not "${text}"`);
  return Number(value) * (units[unit] ?? 1000);
}
