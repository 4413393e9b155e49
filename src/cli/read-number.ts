import { IsthmusError } from "../base/index.ts";

/** `text` as a number of at least 0. arguments/wrong otherwise, with the option's name: "--rate". */
export function readNumber(text: string, option: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new IsthmusError("arguments/wrong", `${option} wants a number, not "${text}"`);
}
