import { IsthmusError } from "../base/index.ts";

/** Milliseconds of an option's value: "500ms", "10s", "2m", or seconds without a unit. arguments/wrong otherwise. */
export function readDuration(text: string, option: string): number {
  const [, value, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? [];
  if (value === undefined)
    throw new IsthmusError("arguments/wrong", `${option} wants 500ms, 10s or 2m, not "${text}"`);
  return Number(value) * (unit === "ms" ? 1 : unit === "m" ? 60_000 : 1000);
}
