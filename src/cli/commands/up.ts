import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { type ErrorCode, IsthmusError, type Logger } from "../../base/index.ts";
import {
  checkHelm,
  createTimings,
  guardProcess,
  openStateFolder,
  type Progress,
  type StateFolder,
  startMesh,
  type Timings,
} from "../../engine/index.ts";
import { checkSupported } from "../../mesh/index.ts";
import { findEnvoy } from "../../runtime/index.ts";
import { type Command, type CommandInput, textOption } from "../command.ts";
import { meshFiles, meshOptions, meshOptionTexts, readMesh } from "../read-mesh.ts";
import { readSeconds } from "../read-seconds.ts";
import { stateFolderName } from "../state-option.ts";
import { duration, type Terminal } from "../terminal.ts";
import { createUpView, type ReadyMesh } from "../up-view.ts";

/** Seconds until everything must be ready. */
const defaultTimeout = 60;

/** What a detached engine tells the process that waits for it. */
type Message =
  | { readonly kind: "progress"; readonly event: Progress }
  | {
      readonly kind: "ready";
      readonly milliseconds: number;
      readonly kubeconfig: string;
      readonly clusters: readonly string[];
      readonly console: ReadyMesh["console"];
    }
  | {
      readonly kind: "failed";
      readonly code: ErrorCode;
      readonly message: string;
      readonly nextStep?: string;
    };

export const up: Command = {
  summary: "Run the mesh on this machine, in the foreground until Ctrl-C, or detached.",
  usage: "up [FILE] [--detach] [--dataplane envoy] [--ephemeral] [--bare] [--timeout 60] [--timings]",
  options: {
    ...meshOptions,
    detach: { type: "boolean", short: "d" },
    ephemeral: { type: "boolean" },
    bare: { type: "boolean" },
    dataplane: { type: "string" },
    timeout: { type: "string" },
    timings: { type: "boolean" },
    "exit-with": { type: "string" },
  },
  optionTexts: {
    ...meshOptionTexts,
    detach: "return when everything is ready; isthmus down ends it",
    ephemeral: "keep no objects, keys and addresses for the next start",
    bare: "only the clusters, with nothing of the mesh in them: to rehearse isthmus apply",
    dataplane: "builtin (default), or envoy: a real Envoy for every proxy",
    timeout: "seconds until everything must be ready (default 60)",
    timings: "show where the time of the start went",
    "exit-with": "end when the process with this id ends",
  },
  async run(input) {
    envoyOf(input); // Wrong or missing: said before anything starts.
    return input.values["detach"] === true ? upDetached(input) : upHere(input);
  },
};

/** Runs the engine in this process; a waiting parent, when there is one, hears everything that a terminal would show. */
async function upHere(input: CommandInput): Promise<number> {
  const { terminal } = input;
  const timings = createTimings();
  const tell = process.send === undefined ? undefined : (message: Message) => process.send?.(message);
  const bare = input.values["bare"] === true;
  const view = createUpView(terminal, { bare });
  const progress = (event: Progress) =>
    tell === undefined ? view.show(event) : tell({ kind: "progress", event });
  const started = performance.now();
  try {
    const { mesh, compiled, warnings } = await readMesh(input, {
      check: (asked) => [...checkSupported(asked), ...checkHelm(asked)],
      unless: "Nothing was started.",
    });
    timings.mark("mesh file read and compiled");
    const state = openStateFolder(stateFolder(input), { create: true });
    for (const diagnostic of warnings) progress({ kind: "warning", diagnostic });
    const log = await engineLog(state);
    const broken = new AbortController();
    guardProcess({ log, broken: () => broken.abort(new Error("its storage failed")) });
    const signal = AbortSignal.any([input.signal, broken.signal]);
    const running = await startMesh({
      mesh,
      compiled,
      state,
      ephemeral: input.values["ephemeral"] === true,
      bare,
      envoy: envoyOf(input),
      timeout: readSeconds(textOption(input, "timeout"), "--timeout", defaultTimeout) * 1000,
      signal,
      log,
      timings,
      progress,
    });
    if (input.values["timings"] === true) showTimings(timings, terminal);
    const ready = {
      kind: "ready",
      milliseconds: performance.now() - started,
      kubeconfig: state.kubeconfig,
      clusters: [...running.clusters.keys()],
      console: { url: running.console.url, isWantedPort: running.console.isWantedPort },
    } as const;
    if (tell === undefined) view.ready(ready);
    else tell(ready);
    process.disconnect?.();
    const end = (reason: string) => {
      log.info({ reason }, "the mesh is ending");
      return running.stop();
    };
    const endBySignal = () => end(signal.reason instanceof Error ? signal.reason.message : "interrupted");
    signal.addEventListener("abort", () => void endBySignal(), { once: true });
    const parent = textOption(input, "exit-with");
    endWith(parent, () => void end(`process ${parent}, with which it was to end, is gone`));
    if (signal.aborted) await endBySignal();
    await running.ended;
    log.info({}, "the mesh has ended");
    view.ended(mesh.name);
    return 0;
  } catch (reason) {
    if (tell === undefined) throw reason;
    const { code, message, nextStep, cause } = IsthmusError.from(reason);
    const text = code === "internal" && cause instanceof Error ? (cause.stack ?? message) : message;
    tell({ kind: "failed", code, message: text, ...(nextStep === undefined ? {} : { nextStep }) });
    process.disconnect?.();
    return 1;
  }
}

/** Starts the engine as a process of its own and waits until it is ready or has failed. */
async function upDetached(input: CommandInput): Promise<number> {
  const { terminal, signal } = input;
  const state = openStateFolder(stateFolder(input), { create: true });
  const program = process.argv[1] ?? "";
  const args = process.argv.slice(2).filter((arg) => arg !== "--detach" && arg !== "-d");
  const output = openSync(state.log, "a", 0o600);
  const child = spawn(process.execPath, [...process.execArgv, program, ...args], {
    detached: true,
    stdio: ["ignore", output, output, "ipc"],
  });
  closeSync(output);
  const view = createUpView(terminal, { detached: true, bare: input.values["bare"] === true });
  const interrupt = () => child.kill("SIGTERM");
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on("message", (message: Message) => {
        if (message.kind === "progress") view.show(message.event);
        else if (message.kind === "ready") {
          view.ready(message);
          resolve(0);
        } else
          reject(
            new IsthmusError(
              message.code,
              message.message,
              message.nextStep === undefined ? {} : { nextStep: message.nextStep },
            ),
          );
      });
      child.on("error", reject);
      child.on("exit", (code) =>
        reject(
          new IsthmusError(
            signal.aborted ? "engine/interrupted" : "internal",
            `the engine ended with ${code ?? "a signal"} before it was ready\n${lastLines(state.log)}`,
          ),
        ),
      );
    });
  } finally {
    signal.removeEventListener("abort", interrupt);
    if (child.connected) child.disconnect();
    child.removeAllListeners();
    child.unref();
  }
}

function stateFolder(input: CommandInput): string {
  const given = textOption(input, "state");
  if (given !== undefined) return path.resolve(given);
  return path.join(path.dirname(path.resolve(meshFiles(input)[0] ?? "mesh.yaml")), stateFolderName);
}

/** Path of the Envoy to run; undefined for the built-in proxy. */
function envoyOf(input: CommandInput): string | undefined {
  const dataplane = textOption(input, "dataplane") ?? "builtin";
  if (dataplane === "envoy") return findEnvoy();
  if (dataplane === "builtin") return undefined;
  throw new IsthmusError("arguments/wrong", `there is no data plane "${dataplane}"`, {
    nextStep: "--dataplane takes builtin or envoy.",
  });
}

async function engineLog(state: StateFolder): Promise<Logger> {
  const [{ createLogger }, { createWriteStream }] = [
    await import("../../base/index.ts"),
    await import("node:fs"),
  ];
  return createLogger(createWriteStream(state.log, { flags: "a", mode: 0o600 }));
}

/** Ends with another process: asked once a second, since nothing tells of the end of a process that is no child. */
function endWith(pid: string | undefined, end: () => void): void {
  if (pid === undefined) return;
  const timer = setInterval(() => {
    try {
      process.kill(Number(pid), 0);
    } catch (reason) {
      // A process of another user may not be signalled, but it is there.
      if ((reason as NodeJS.ErrnoException).code === "EPERM") return;
      clearInterval(timer);
      end();
    }
  }, 1000);
  timer.unref();
}

function showTimings(timings: Timings, terminal: Terminal): void {
  let last = 0;
  for (const { name, at } of timings.marks) {
    terminal.note(`  ${duration(at - last).padStart(8)}  ${name}`);
    last = at;
  }
  terminal.note(`  ${duration(last).padStart(8)}  since the process began`);
}

function lastLines(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").slice(-10).join("\n") : "";
}
