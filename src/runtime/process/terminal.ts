import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { waitFor } from "../../base/index.ts";
import {
  type HostProcess,
  type HostProcessOptions,
  killGroup,
  signalProcess,
  startHostProcess,
} from "./host-process.ts";

/** Size in characters. */
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

export interface TerminalProcess extends HostProcess {
  resize(size: TerminalSize): void;
}

/** Where util-linux installs script(1), which owns the pseudo-terminal: Node itself has none. */
const scriptProgram = "/usr/bin/script";

/** Whether this host can give programs a terminal. */
export function hasTerminals(): boolean {
  return existsSync(scriptProgram);
}

/**
 * Starts a program on a pseudo-terminal of its own; all output comes as stdout. `size` is the terminal's size
 * before the program starts. Rejects with CannotStart as startHostProcess does, for the terminal's own program;
 * the caller makes sure that the command itself exists.
 */
export async function startOnTerminal(
  options: HostProcessOptions,
  size: TerminalSize | undefined,
): Promise<TerminalProcess> {
  const folder = await mkdtemp(path.join(options.cwd, ".terminal-"));
  const facts = path.join(folder, "facts");
  const setSize = size === undefined ? "" : `${stty([], size)};`;
  // The shell tells its pid and terminal before it becomes the program; the pid leads the terminal's session.
  const line = `{ echo $$; tty; } > ${quote(facts)}; ${setSize} exec ${options.command.map(quote).join(" ")}`;
  const script = await startHostProcess({
    ...options,
    command: [scriptProgram, "-qfec", line, "/dev/null"],
    env: { ...options.env, SHELL: "/bin/sh" },
  });
  const readSession = async () => {
    const [pid = "", terminal = ""] = (await readFile(facts, "utf8").catch(() => "")).split("\n");
    return /^\d+$/.test(pid) && terminal.startsWith("/dev/") ? { pid: Number(pid), terminal } : undefined;
  };
  let ended = false;
  const session = () =>
    // The shell writes the facts a moment after it was started; when it ended without, nobody needs them.
    waitFor(async () => (await readSession()) ?? (ended ? null : undefined), {
      signal: AbortSignal.timeout(2000),
    }).catch(() => null);
  const exited = script.exited.finally(async () => {
    ended = true;
    const known = await session();
    if (known !== null) killGroup(known.pid);
    await rm(folder, { recursive: true, force: true });
  });
  return {
    ...script,
    exited,
    kill(signal) {
      void session().then((known) => {
        if (signal !== "SIGKILL") return signalProcess(known?.pid ?? script.pid, signal);
        if (known !== null) killGroup(known.pid);
        script.kill(signal);
      });
    },
    resize(next) {
      void session().then((known) => {
        if (known === null) return;
        spawn("/bin/sh", ["-c", stty(["-F", known.terminal], next)], {
          stdio: "ignore",
          env: options.env,
        }).on("error", () => {});
      });
    },
  };
}

function stty(where: readonly string[], { width, height }: TerminalSize): string {
  const [cols, rows] = [Math.trunc(width), Math.trunc(height)];
  return ["stty", ...where, "rows", rows, "cols", cols, "2>/dev/null"].join(" ");
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
