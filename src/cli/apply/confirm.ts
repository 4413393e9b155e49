import { createInterface } from "node:readline/promises";
import { IsthmusError } from "../../base/index.ts";
import type { Terminal } from "../terminal.ts";

/**
 * Asks for the word `answer` before `what` happens. apply/not-confirmed when something else is typed, or when nobody is there
 * to be asked.
 */
export async function confirm(
  terminal: Terminal,
  { what, answer, signal }: { readonly what: string; readonly answer: string; readonly signal: AbortSignal },
): Promise<void> {
  const nobody = process.stdin.isTTY !== true || !terminal.isInteractive;
  const refused = (message: string) =>
    new IsthmusError("apply/not-confirmed", message, {
      nextStep: nobody ? "Look at it, then say yes with --yes. Nothing was changed." : "Nothing was changed.",
    });
  if (nobody) throw refused(`${what}, and nobody is at the terminal to confirm it`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const typed = await lines.question(`\n${what}. Type ${answer} to go on: `, { signal });
    if (typed.trim() !== answer) throw refused(`"${typed.trim()}" is not "${answer}"`);
  } finally {
    lines.close();
  }
}
