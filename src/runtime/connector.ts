import type { Socket } from "node:net";
import { ApiError } from "../kube/index.ts";
import type { ExecStreams, LogOptions, PodName, Runtime } from "./contracts.ts";
import type { ContainerLog } from "./pod/container-log.ts";
import type { ContainerRun } from "./pod/container-run.ts";
import type { PodWorker } from "./pod/pod-worker.ts";
import { execProgram } from "./process/exec.ts";

/** What kubectl does with running pods: logs, exec, attach, port-forward. Failures have a kubelet's texts. */
export function createConnector(
  find: (pod: PodName) => PodWorker | undefined,
): Omit<Runtime, "stop" | "usage"> {
  const workerOf = (pod: PodName): PodWorker => {
    const worker = find(pod);
    if (worker === undefined) throw failure(404, `pod "${pod.name}" not found on its node`);
    return worker;
  };
  const runOf = (
    pod: PodName,
    container: string,
  ): { readonly worker: PodWorker; readonly run: ContainerRun } => {
    const worker = workerOf(pod);
    const run = worker.container(container);
    if (run === undefined) throw failure(400, `container ${container} is not valid for pod ${pod.name}`);
    return { worker, run };
  };
  const runningOf = (pod: PodName, container: string) => {
    const { worker, run } = runOf(pod, container);
    const { running, log } = run;
    const programs = worker.programs(run);
    if (running === undefined || log === undefined || programs === undefined) {
      throw failure(500, `unable to upgrade connection: container not found ("${container}")`);
    }
    return { running, log, programs, execs: run.execs };
  };
  return {
    async *logs(pod, container, options, signal) {
      const { run } = runOf(pod, container);
      yield* chosenLog(run, pod, options).read(options, signal);
    },
    async exec(pod, container, command, streams, signal) {
      const { programs, execs } = runningOf(pod, container);
      return execProgram(command, streams, programs, signal, execs);
    },
    async attach(pod, container, streams, signal) {
      const { running, log } = runningOf(pod, container);
      const over = new AbortController();
      const leave = () => over.abort();
      signal.addEventListener("abort", leave, { once: true });
      log.tap(
        (stream, chunk) =>
          stream === "stderr" && !streams.tty ? streams.stderr(chunk) : streams.stdout(chunk),
        over.signal,
      );
      if (streams.stdin !== undefined && running.input !== undefined)
        void pumpInput(streams.stdin, running.input);
      const left = new Promise<{ exitCode: number }>((resolve) => {
        over.signal.addEventListener("abort", () => resolve({ exitCode: 0 }), { once: true });
        if (signal.aborted) leave();
      });
      const { exitCode } = await Promise.race([running.exited, left]);
      leave();
      return { exitCode };
    },
    async portForward(pod, port) {
      const socket = workerOf(pod).dial(port);
      if (socket === undefined) throw failure(500, `pod "${pod.name}" has no network`);
      return new Promise<Socket>((resolve, reject) => {
        const fail = (reason: NodeJS.ErrnoException) => {
          const why = reason.code === "ECONNREFUSED" ? "connect: connection refused" : reason.message;
          const message = `failed to connect to localhost:${port} inside namespace of pod "${pod.name}": dial tcp4 127.0.0.1:${port}: ${why}`;
          reject(failure(500, message));
        };
        socket.once("error", fail);
        socket.once("connect", () => {
          socket.off("error", fail);
          resolve(socket);
        });
      });
    },
  };
}

function chosenLog(run: ContainerRun, pod: PodName, { previous = false }: LogOptions): ContainerLog {
  const container = run.name;
  const { lastState, state } = run.facts.status;
  if (previous) {
    // A container that waits for its next run still has its last one's log as the current one.
    const log = run.stage === "running" || state?.terminated !== undefined ? run.previousLog : run.log;
    if (log === undefined)
      throw failure(400, `previous terminated container "${container}" in pod "${pod.name}" not found`);
    return log;
  }
  if (run.log !== undefined && (state?.waiting === undefined || lastState?.terminated !== undefined))
    return run.log;
  const reason = state?.waiting?.reason ?? "ContainerCreating";
  const why = /ImagePull/.test(reason) ? "trying and failing to pull image" : reason;
  throw failure(400, `container "${container}" in pod "${pod.name}" is waiting to start: ${why}`);
}

async function pumpInput(
  from: NonNullable<ExecStreams["stdin"]>,
  to: { write(chunk: Uint8Array): void; end(): void },
): Promise<void> {
  try {
    for await (const chunk of from) to.write(chunk);
    to.end();
  } catch {
    // The client went away; the container goes on.
  }
}

function failure(code: 400 | 404 | 500, message: string): ApiError {
  const reason = { 400: "BadRequest", 404: "NotFound", 500: "InternalError" }[code];
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    code,
    reason,
    message,
  });
}
