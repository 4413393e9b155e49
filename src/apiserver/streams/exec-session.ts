import type { ExecStreams } from "../contracts.ts";
import { createByteQueue, createQueue, type Queue } from "./byte-queue.ts";
import { exitStatus, type Outcome } from "./exit-status.ts";

/** Runs a remote command or attaches to one. `signal` aborts when the client is gone. */
export interface ExecHandler {
  run(streams: ExecStreams, signal: AbortSignal): Promise<{ readonly exitCode: number }>;
}

/** What the client asked for in the query of its request. */
export interface ExecOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** The way to the client, however its protocol carries the streams. */
export interface ExecChannels {
  /** A promise when the client is behind: it resolves when more may be written. */
  write(channel: "stdout" | "stderr", chunk: Uint8Array): Promise<void> | undefined;
  /** Sends the final status and closes in order, after everything that was written. */
  finish(status: object): void;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

/** What comes from the client. The protocol fills it, the running command reads it. */
export interface ExecInput {
  readonly stdin: Queue<Uint8Array>;
  /** Takes a piece of the resize channel's text. */
  resize(text: string): void;
  end(): void;
}

/** Reads which streams the client wants. A terminal has no stderr of its own. */
export function execOptions(query: URLSearchParams): ExecOptions {
  const asks = (name: string) => ["true", "1"].includes(query.get(name) ?? "");
  const tty = asks("tty");
  return { stdin: asks("stdin"), stdout: asks("stdout"), stderr: asks("stderr") && !tty, tty };
}

/** Most sizes that wait for a command which does not look at them. */
const mostResizes = 16;
const mostResizeText = 4096;

interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

export interface ExecSession {
  readonly input: ExecInput;
  /** Runs the handler to its end and tells the client. Never rejects. */
  run(handler: ExecHandler, channels: ExecChannels): Promise<void>;
}

/** One exec or attach session, apart from the protocol that carries it. */
export function createExecSession(options: ExecOptions): ExecSession {
  const stdin = createByteQueue();
  const resizes = createQueue<TerminalSize>(mostResizes, () => 1);
  // What a client sends though it did not ask for the stream is dropped: nobody would read it.
  if (!options.stdin) stdin.end();
  if (!options.tty) resizes.end();
  let pending = "";
  const input: ExecInput = {
    stdin,
    resize(text) {
      pending = `${pending}${text}`.slice(-mostResizeText);
      let read = 0;
      for (const match of pending.matchAll(/\{[^{}]*\}/g)) {
        read = match.index + match[0].length;
        const size = parseSize(match[0]);
        if (size !== undefined) void resizes.push(size);
      }
      pending = pending.slice(read);
    },
    end() {
      stdin.end();
      resizes.end();
    },
  };
  return {
    input,
    async run(handler, channels) {
      const streams: ExecStreams = {
        ...(options.stdin ? { stdin } : {}),
        stdout: (chunk) => (options.stdout ? channels.write("stdout", chunk) : undefined),
        stderr: (chunk) => (options.stderr ? channels.write("stderr", chunk) : undefined),
        tty: options.tty,
        ...(options.tty ? { resizes } : {}),
      };
      const outcome: Outcome = await handler
        .run(streams, channels.signal)
        .catch((failure: unknown) => ({ failure }));
      input.end();
      if (!channels.signal.aborted) channels.finish(exitStatus(outcome));
    },
  };
}

/** Kubernetes' TerminalSize: {"Width":80,"Height":24}. */
function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(text) as {
      readonly Width?: unknown;
      readonly Height?: unknown;
    };
    return typeof width === "number" && typeof height === "number" ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}
