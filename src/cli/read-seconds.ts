import { IsthmusError } from "../base/index.ts";

/** The positive number of seconds that an option names, `otherwise` when it was not given; arguments/wrong for anything else. */
export function readSeconds(text: string | undefined, option: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new IsthmusError("arguments/wrong", `${option} wants seconds, not "${text}"`);
}
