import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { constants as osConstants } from "node:os";
import { StringDecoder } from "node:string_decoder";
import { type Clock, IsthmusError } from "../../../base/index.ts";
import type { EnvoyHost } from "./envoy-host.ts";

export interface RunEnvoyOptions {
  readonly binary: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly host: EnvoyHost;
  /** A line that Envoy wrote: its access log and its own messages. */
  onLine(line: string): void;
  /** A line that Envoy wrote to the file `trafficFile` of the folder. */
  onTraffic(line: string): void;
  onExit(): void;
  readonly clock: Clock;
}

/** How a process ended. */
export interface Exit {
  /** 128 and the signal's number where a signal ended it, as a shell has it. */
  readonly exitCode: number;
  readonly signal?: string;
}

/** An Envoy that runs, or has ended. */
export interface EnvoyProcess {
  /** Undefined once it has ended. */
  readonly pid: number | undefined;
  /** Resolves when it has ended, by itself or by `stop`. */
  readonly exited: Promise<Exit>;
  /** Ends it with SIGTERM, and with SIGKILL when that takes too long. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** Name of the file to which Envoy writes about its traffic. */
export const trafficFile = "traffic";

/** How long Envoy may take to end, milliseconds. */
const patience = 2000;
/** A longer line is cut into lines. */
const mostLineBytes = 64 * 1024;

/** Starts Envoy. Rejects when it can't be started at all. */
export async function runEnvoy(options: RunEnvoyOptions): Promise<EnvoyProcess> {
  const { binary, args, host, clock } = options;
  const [output, traffic] = await Promise.all([
    openOutput(`${options.folder}/out`, options.onLine),
    openOutput(`${options.folder}/${trafficFile}`, options.onTraffic),
  ]);
  let child: ChildProcess | undefined;
  try {
    child = await start(binary, args, options.folder, output.writeEnd);
  } catch (reason) {
    output.close();
    traffic.close();
    throw new IsthmusError("tool/missing", `Envoy can't be started from ${binary}: ${messageOf(reason)}`);
  }
  const { pid } = child;
  if (pid !== undefined) host.watch(pid);
  const exited = endOf(child).then((exit) => {
    child = undefined;
    if (pid !== undefined) host.forget(pid);
    output.close();
    traffic.close();
    options.onExit();
    return exit;
  });
  const end = async () => {
    child?.kill("SIGTERM");
    const cancel = clock.after(patience, () => child?.kill("SIGKILL"));
    await exited;
    cancel();
  };
  let stopped: Promise<void> | undefined;
  return {
    get pid() {
      return child?.pid;
    },
    exited,
    stop() {
      stopped ??= end();
      return stopped;
    },
  };
}

async function start(
  binary: string,
  args: readonly string[],
  folder: string,
  output: number,
): Promise<ChildProcess> {
  const child = spawn(binary, args, {
    cwd: folder,
    // Nothing of the engine's own; TMPDIR and the like are of no use to it.
    env: {},
    detached: true,
    stdio: ["ignore", output, output],
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return child;
}

async function endOf(child: ChildProcess): Promise<Exit> {
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((resolve) => child.once("exit", resolve));
  const { signalCode: signal } = child;
  return signal === null
    ? { exitCode: child.exitCode ?? 0 }
    : { exitCode: 128 + osConstants.signals[signal], signal };
}

interface Output {
  /** File descriptor to be given to the program as its output. */
  readonly writeEnd: number;
  close(): void;
}

/**
 * A pipe that the program can open again as /dev/stdout, where the access log goes. Those that Node makes are sockets,
 * which can't be opened. Not for worker threads: at their end Node closes what they opened by number, although the
 * reader has closed it long ago.
 */
async function openOutput(file: string, onLine: (line: string) => void): Promise<Output> {
  await new Promise<void>((resolve, reject) => {
    execFile("mkfifo", ["-m", "600", file], (failure) =>
      failure === null
        ? resolve()
        : reject(
            new IsthmusError("tool/missing", `mkfifo, which Envoy's log needs, failed: ${failure.message}`),
          ),
    );
  });
  const readEnd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(file, constants.O_WRONLY);
  const reader = new Socket({ fd: readEnd, readable: true, writable: false });
  const decoder = new StringDecoder("utf8");
  let rest = "";
  reader.on("error", () => {});
  reader.on("data", (chunk) => {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
    if (rest.length > mostLineBytes) {
      onLine(rest);
      rest = "";
    }
  });
  return {
    writeEnd,
    close() {
      closeSync(writeEnd);
      // What the program wrote last is still to be read; after that comes the end.
      reader.once("end", () => {
        if (rest !== "") onLine(rest);
        reader.destroy();
      });
    },
  };
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
