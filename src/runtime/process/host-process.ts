import { type ChildProcess, spawn } from "node:child_process";
import { access, constants, stat } from "node:fs/promises";
import path from "node:path";
import { drained } from "../../base/index.ts";

export interface HostProcessOptions {
  readonly command: readonly string[];
  /** The whole environment; nothing of the engine's own is added. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  stdout(chunk: Uint8Array): void;
  stderr(chunk: Uint8Array): void;
  /** Without it the program reads an empty input. */
  readonly hasInput: boolean;
}

/** A program of the host that runs for a pod, leader of a process group of its own. */
export interface HostProcess {
  readonly pid: number;
  /** After all output was given to the callbacks. A signal counts as 128 + its number, as in a shell. */
  readonly exited: Promise<{ readonly exitCode: number; readonly signal?: NodeJS.Signals }>;
  /** Resolves when the program can take more; input after its end is dropped. */
  write(chunk: Uint8Array): Promise<void>;
  endInput(): void;
  /** SIGKILL ends the whole group; other signals go to the program alone, as to a container's first process. */
  kill(signal: NodeJS.Signals): void;
}

/** A program that could not be started; `exitCode` is what a shell would give: 127 not found, 126 not executable. */
export class CannotStart extends Error {
  override readonly name = "CannotStart";
  readonly exitCode: 126 | 127;

  constructor(command: string, exitCode: 126 | 127) {
    const why = exitCode === 127 ? "executable file not found in $PATH" : "permission denied";
    super(`exec: ${JSON.stringify(command)}: ${why}`);
    this.exitCode = exitCode;
  }
}

/**
 * Starts a program without a shell between. When it ends, whatever it left running in its group is killed, so
 * that nothing outlives an exec or a container. Rejects with CannotStart.
 */
export async function startHostProcess(options: HostProcessOptions): Promise<HostProcess> {
  const [command = "", ...args] = options.command;
  const program = await findProgram(command, options.env["PATH"] ?? "", options.cwd);
  const child = spawn(program, args, {
    argv0: command,
    cwd: options.cwd,
    env: { ...options.env },
    detached: true,
    stdio: [options.hasInput ? "pipe" : "ignore", "pipe", "pipe"],
  });
  const pid = await new Promise<number>((resolve, reject) => {
    child.once("spawn", () => resolve(child.pid ?? 0));
    child.once("error", () => reject(new CannotStart(command, 126)));
  });
  const kill = (signal: NodeJS.Signals) => (signal === "SIGKILL" ? killGroup(pid) : void child.kill(signal));
  child.stdout?.on("data", options.stdout);
  child.stderr?.on("data", options.stderr);
  // A program may close its input early; what is typed then goes nowhere, as in a terminal.
  child.stdin?.on("error", () => {});
  child.once("exit", () => kill("SIGKILL"));
  const exited = new Promise<{ exitCode: number; signal?: NodeJS.Signals }>((resolve) => {
    child.once("close", (code, signal) => {
      resolve(signal === null ? { exitCode: code ?? 0 } : { exitCode: 128 + signalNumber(signal), signal });
    });
  });
  return {
    pid,
    exited,
    write: (chunk) => writeInput(child, chunk),
    endInput: () => child.stdin?.end(),
    kill,
  };
}

/** Kills every process of the group; fine when none is left. */
export function killGroup(pid: number): void {
  signalProcess(-pid, "SIGKILL");
}

/** Signals a process, or a group by its negative number; fine when it has ended. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  if (Math.abs(pid) <= 1) return;
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: all of them have ended already.
  }
}

async function writeInput({ stdin }: ChildProcess, chunk: Uint8Array): Promise<void> {
  if (stdin === null || stdin.destroyed || stdin.writableEnded || stdin.write(chunk)) return;
  await drained(stdin);
}

/** The file that `command` names, looked for as execvp does. Rejects with CannotStart. */
export async function findProgram(command: string, searchPath: string, cwd: string): Promise<string> {
  const candidates = command.includes("/")
    ? [path.resolve(cwd, command)]
    : searchPath.split(":").map((folder) => path.resolve(cwd, folder, command));
  let forbidden = false;
  for (const candidate of command === "" ? [] : candidates) {
    try {
      if (!(await stat(candidate)).isFile()) continue;
      await access(candidate, constants.X_OK);
      return candidate;
    } catch (reason) {
      if ((reason as NodeJS.ErrnoException).code === "EACCES") forbidden = true;
    }
  }
  throw new CannotStart(command, forbidden ? 126 : 127);
}

/** Signals that programs are ended with, by their Linux numbers. */
const signalNumbers: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

function signalNumber(signal: NodeJS.Signals): number {
  return signalNumbers[signal] ?? 1;
}
