import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Between what a golden file gives and what it expects. */
const line = "----------\n";

/** For tests: the part of a golden file above the dashes. */
export function goldenInput(file: string): string {
  return splitGolden(readFileSync(file, "utf8")).input;
}

/**
 * For tests: compares `actual` with the part of a golden file below the dashes (all of it, when there are none).
 * With UPDATE_GOLDEN=1 it is written instead; the diff is for review.
 */
export function assertGolden(file: string, actual: string): void {
  if (process.env["UPDATE_GOLDEN"] === "1") {
    mkdirSync(path.dirname(file), { recursive: true });
    const input = file.endsWith(".txt") ? `${goldenInput(file)}${line}` : "";
    writeFileSync(file, `${input}${actual}`);
    return;
  }
  assert.equal(actual, splitGolden(readFileSync(file, "utf8")).expected);
}

function splitGolden(text: string): { input: string; expected: string } {
  const at = text.indexOf(line);
  return at < 0
    ? { input: text, expected: text }
    : { input: text.slice(0, at), expected: text.slice(at + line.length) };
}
