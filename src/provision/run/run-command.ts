import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { IsthmusError } from "../../base/index.ts";
import type { CommandResult } from "./run-steps.ts";

export interface RunCommandOptions {
  /** Working directory. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asks the program to end, as Ctrl-C does; what it had to tidy up is waited for. */
  readonly signal: AbortSignal;
}

/** Most characters of either output that are kept. */
const mostKept = 1024 * 1024;

/** Runs a program to its end, with no input. Rejects with tool/missing when there is no such program. */
export function runCommand(
  [program = "", ...args]: readonly string[],
  line: (text: string) => void,
  { folder, env, signal }: RunCommandOptions,
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, said] = ["", ""];
    const keep = (kept: string, more: string) => (kept + more).slice(-mostKept);
    for (const stream of [child.stdout, child.stderr])
      createInterface(stream).on("line", (text) => {
        said = keep(said, `${text}\n`);
        line(text);
      });
    child.stdout.on("data", (chunk) => {
      stdout = keep(stdout, String(chunk));
    });
    const interrupt = () => child.kill("SIGINT");
    signal.addEventListener("abort", interrupt, { once: true });
    child.once("error", (cause) => {
      signal.removeEventListener("abort", interrupt);
      reject(
        new IsthmusError("tool/missing", `${program} can't be run: ${cause.message}`, {
          cause,
          nextStep: `Install ${program}, or run the commands of provision.sh where it is.`,
        }),
      );
    });
    child.once("close", (code, killed) => {
      signal.removeEventListener("abort", interrupt);
      resolve({ code: code ?? (killed === null ? 1 : 130), stdout, said });
    });
  });
}
