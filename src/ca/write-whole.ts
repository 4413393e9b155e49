import { renameSync, writeFileSync } from "node:fs";

/** Writes a file of the given mode whole or, when interrupted, not at all. */
export function writeWhole(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.new`, text, { mode });
  renameSync(`${file}.new`, file);
}
