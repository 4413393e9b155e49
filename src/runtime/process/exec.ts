import type { ExecStreams, ProgramContext } from "../contracts.ts";
import { CannotStart, findProgram, type HostProcess, startHostProcess } from "./host-process.ts";
import { hasTerminals, startOnTerminal, type TerminalProcess, type TerminalSize } from "./terminal.ts";

/** How long the terminal's first size may take to come from the client before the program starts without. */
const sizePatience = 200;

/**
 * Runs a program of the host as `kubectl exec` wants it. It is killed, with all that it started, when `signal`
 * aborts; its process group is in `groups` as long as it runs. A program that can't be started is said on stderr and gives exit code 126 or 127.
 */
export async function execProgram(
  command: readonly string[],
  streams: ExecStreams,
  context: ProgramContext,
  signal: AbortSignal,
  groups: Set<number> = new Set(),
): Promise<{ readonly exitCode: number }> {
  const [scratch, baseEnv, real] = await Promise.all([
    context.scratch(),
    context.env(),
    context.withRealFiles(command),
  ]);
  const onTerminal = streams.tty && hasTerminals();
  const env = onTerminal ? { ...baseEnv, TERM: baseEnv["TERM"] ?? "xterm" } : baseEnv;
  const options = {
    command: real,
    env,
    cwd: scratch,
    stdout: (chunk: Uint8Array) => streams.stdout(chunk),
    // A terminal has one stream only.
    stderr: (chunk: Uint8Array) => (streams.tty ? streams.stdout(chunk) : streams.stderr(chunk)),
    hasInput: streams.stdin !== undefined,
  };
  let program: HostProcess;
  try {
    if (onTerminal) {
      await findProgram(real[0] ?? "", env["PATH"] ?? "", scratch);
      program = await startWithSizes(options, streams);
    } else {
      program = await startHostProcess(options);
    }
  } catch (reason) {
    if (!(reason instanceof CannotStart)) throw reason;
    const text = `OCI runtime exec failed: exec failed: unable to start container process: ${reason.message}: unknown`;
    options.stderr(Buffer.from(streams.tty ? `${text}\r\n` : `${text}\n`));
    return { exitCode: reason.exitCode };
  }
  groups.add(program.pid);
  const kill = () => program.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  if (streams.stdin !== undefined) void pumpInput(streams.stdin, program);
  const { exitCode } = await program.exited;
  groups.delete(program.pid);
  signal.removeEventListener("abort", kill);
  return { exitCode };
}

async function startWithSizes(
  options: Parameters<typeof startOnTerminal>[0],
  { resizes }: ExecStreams,
): Promise<TerminalProcess> {
  const sizes = resizes?.[Symbol.asyncIterator]();
  if (sizes === undefined) return startOnTerminal(options, undefined);
  const first = sizes.next();
  const size = await Promise.race([
    first.then(({ done, value }): TerminalSize | undefined => (done === true ? undefined : value)),
    new Promise<undefined>((resolve) => setTimeout(resolve, sizePatience, undefined)),
  ]);
  const program = await startOnTerminal(options, size);
  const follow = async () => {
    for (let next = await first; next.done !== true; next = await sizes.next()) {
      if (next.value !== size) program.resize(next.value);
    }
  };
  follow().catch(() => {}); // The client went away; the exec ends by its signal.
  return program;
}

async function pumpInput(input: AsyncIterable<Uint8Array>, program: HostProcess): Promise<void> {
  try {
    for await (const chunk of input) await program.write(chunk);
  } catch {
    // The client went away; the exec ends by its signal.
  }
  program.endInput();
}
