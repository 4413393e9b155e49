import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import { type Clock, createRetry, IsthmusError, type Logger } from "../../../base/index.ts";
import type { EnvoyHost } from "./envoy-host.ts";

export interface RunEnvoyOptions {
  readonly binary: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly host: EnvoyHost;
  /** A line that Envoy wrote: its access log and its own messages. */
  onLine(line: string): void;
  /** Told before every start. */
  onStart(): void;
  onExit(): void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** An Envoy that is kept running. */
export interface EnvoyProcess {
  /** Undefined while none runs. */
  readonly pid: number | undefined;
  /** Ends it with SIGTERM, and with SIGKILL when that takes too long. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** How long Envoy may take to end, milliseconds. */
const patience = 2000;
/** A longer line is cut into lines. */
const mostLineBytes = 64 * 1024;

/** Starts Envoy, and starts it anew with a growing delay whenever it ends. Rejects when it can't be started at all. */
export async function runEnvoy(options: RunEnvoyOptions): Promise<EnvoyProcess> {
  const { binary, args, host, clock, log } = options;
  const output = await openOutput(`${options.folder}/out`, options.onLine);
  const stopping = new AbortController();
  let child: ChildProcess | undefined;

  const start = async () => {
    options.onStart();
    const started = spawn(binary, args, {
      cwd: options.folder,
      // Nothing of the engine's own; TMPDIR and the like are of no use to it.
      env: {},
      detached: true,
      stdio: ["ignore", output.writeEnd, output.writeEnd],
    });
    if (started.pid !== undefined) host.watch(started.pid);
    child = started;
    await new Promise<void>((resolve, reject) => {
      started.once("spawn", resolve);
      started.once("error", reject);
    });
  };
  const ended = () =>
    new Promise<string>((resolve) => {
      if (child === undefined) return resolve("never started");
      if (child.exitCode !== null || child.signalCode !== null)
        return resolve(String(child.signalCode ?? child.exitCode));
      child.once("exit", (code, signal) => resolve(String(signal ?? code)));
    });
  const keepRunning = async () => {
    const retry = createRetry(clock, { first: 100, most: 10_000 });
    while (!stopping.signal.aborted) {
      const startedAt = clock.now();
      const how = await ended();
      if (child?.pid !== undefined) host.forget(child.pid);
      child = undefined;
      options.onExit();
      if (stopping.signal.aborted) return;
      if (clock.now() - startedAt > 60_000) retry.reset();
      log.warn({ how }, "Envoy ended and is started again");
      await retry.wait(stopping.signal);
      if (stopping.signal.aborted) return;
      await start().catch((reason: unknown) =>
        log.error({ reason: String(reason) }, "Envoy can't be started"),
      );
    }
  };

  try {
    await start();
  } catch (reason) {
    output.close();
    throw new IsthmusError("tool/missing", `Envoy can't be started from ${binary}: ${messageOf(reason)}`);
  }
  const over = keepRunning();
  let stopped: Promise<void> | undefined;
  const end = async () => {
    stopping.abort();
    child?.kill("SIGTERM");
    const cancel = clock.after(patience, () => child?.kill("SIGKILL"));
    await over;
    cancel();
    output.close();
  };
  return {
    get pid() {
      return child?.pid;
    },
    stop() {
      stopped ??= end();
      return stopped;
    },
  };
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
