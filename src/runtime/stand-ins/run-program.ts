import type { ContainerContext, RunningContainer } from "../contracts.ts";
import { type HostProcess, startHostProcess } from "../process/host-process.ts";
import { recordProcess } from "../process/leftover-processes.ts";
import { hasTerminals, startOnTerminal } from "../process/terminal.ts";

/**
 * Runs a program of the host as a container: its output is the log, SIGTERM ends it, SIGKILL after the grace.
 * Rejects with CannotStart when there is no such program.
 */
export async function runProgram(
  context: ContainerContext,
  program: {
    readonly command: readonly string[];
    /** Over the container's own. */
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
  },
): Promise<RunningContainer> {
  const { container, programs } = context;
  await programs.writeFiles();
  const onTerminal = container["tty"] === true && hasTerminals();
  const hasInput = container["stdin"] === true;
  const options = {
    command: await programs.withRealFiles(program.command),
    env: await programs.env(program.env),
    cwd: program.cwd ?? (await programs.scratch()),
    stdout: (chunk: Uint8Array) => context.write("stdout", chunk),
    stderr: (chunk: Uint8Array) => context.write("stderr", chunk),
    hasInput: hasInput || onTerminal,
  };
  const running: HostProcess = await (onTerminal
    ? startOnTerminal(options, undefined)
    : startHostProcess(options));
  await recordProcess(await programs.scratch(), running.pid);
  return {
    exited: running.exited,
    use: { processGroups: () => [running.pid] },
    ...(hasInput
      ? { input: { write: (chunk) => void running.write(chunk), end: () => running.endInput() } }
      : {}),
    async stop(graceSeconds) {
      running.kill(graceSeconds > 0 ? "SIGTERM" : "SIGKILL");
      const timer = setTimeout(() => running.kill("SIGKILL"), graceSeconds * 1000);
      await running.exited;
      clearTimeout(timer);
    },
  };
}
