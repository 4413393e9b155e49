import { type ChildProcess, fork, type Serializable } from "node:child_process";
import { readFileSync } from "node:fs";

/** A program of a bench in a process of its own, told what to do by messages. */
export interface Program {
  readonly pid: number;
  /** Sends a request and resolves with its answer; rejects with the program's error. */
  ask<T>(request: Serializable): Promise<T>;
  /** Ends the process and resolves when it is gone. */
  stop(): Promise<void>;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Starts `file` as a program that answers what `answerRequests` gives it. */
export function startProgram(file: string, nodeFlags: readonly string[] = []): Program {
  const child: ChildProcess = fork(file, [], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    execArgv: [...nodeFlags],
    serialization: "advanced",
  });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(reason: Error): void }>();
  let last = 0;
  child.on("message", ({ id, value, error }: Answer) => {
    const request = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) request?.resolve(value);
    else request?.reject(new Error(error));
  });
  child.on("exit", (code, signal) => {
    for (const { reject } of waiting.values())
      reject(new Error(`a program of the bench ended: ${signal ?? code}`));
    waiting.clear();
  });
  return {
    pid: child.pid ?? 0,
    ask: <T>(request: Serializable) =>
      new Promise<T>((resolve, reject) => {
        const id = ++last;
        waiting.set(id, { resolve: (value) => resolve(value as T), reject });
        child.send({ id, request });
      }),
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once("exit", () => resolve());
        child.kill("SIGTERM");
      }),
  };
}

/** The other side of `ask`: answers the requests of whoever started this process. */
export function answerRequests<R>(answer: (request: R) => Promise<unknown>): void {
  process.on("message", ({ id, request }: { readonly id: number; readonly request: R }) => {
    answer(request).then(
      (value) => process.send?.({ id, value }),
      (reason: unknown) => process.send?.({ id, error: String((reason as Error).stack ?? reason) }),
    );
  });
  process.once("SIGTERM", () => process.exit());
  process.once("disconnect", () => process.exit());
}

/** CPU seconds that a process has used so far, in steps of 10 ms. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Memory of a process that is in RAM, in MB. */
export function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
}

/** A time that is comparable between processes of one machine, in milliseconds. */
export const monotonic = () => Number(process.hrtime.bigint()) / 1e6;
