import { execFile, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findKubectls } from "../../support/tools.ts";

const root = path.join(import.meta.dirname, "../../..");
export const isthmus = path.join(root, "bin/isthmus");

/** Milliseconds that a program may take where nothing else is said. */
const programTimeout = 200_000;

/** What a program said and how it ended. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, at most `timeout` milliseconds, a little over three minutes unless said otherwise. Never rejects. */
export function run(
  program: string,
  args: readonly string[],
  options: {
    readonly input?: string;
    readonly timeout?: number;
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
  } = {},
): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      [...args],
      {
        timeout: options.timeout ?? programTimeout,
        maxBuffer: 64 * 1024 * 1024,
        env: { ...process.env, NO_COLOR: "1", ...options.env },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
      (failure, stdout, stderr) => {
        const code = failure === null ? 0 : typeof failure.code === "number" ? failure.code : 1;
        resolve({
          code,
          stdout,
          stderr:
            failure?.killed === true
              ? `${stderr}\n(ended after ${options.timeout ?? programTimeout} ms)`
              : stderr,
        });
      },
    );
    // A program may end without reading what it is given.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");
  });
}

/** A mesh of the built program, from a copy of an example, with stock kubectl. */
export interface MeshUnderTest {
  /** Folder of the mesh file. */
  readonly folder: string;
  readonly kubeconfig: string;
  /** Output of `up`. */
  readonly said: string;
  /** Runs kubectl on a cluster; rejects when it fails, with what it said. */
  kubectl(cluster: string, ...args: string[]): Promise<string>;
  /** The same, but gives the result whatever it is. `input` goes to stdin. */
  tryKubectl(cluster: string, args: readonly string[], input?: string): Promise<Result>;
  isthmus(...args: string[]): Promise<Result>;
  /** Answers of `times` requests on fresh connections, made by curl in the cluster's client pod. */
  curl(cluster: string, url: string, times?: number, ...curlArgs: string[]): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export interface MeshOptions {
  readonly example: string;
  /** Workload that requests are made from, for example "deploy/curl". */
  readonly client: string;
  readonly container: string;
  readonly namespace: string;
  /** Further arguments of `up`. */
  readonly args?: readonly string[];
  /** Changes the copied folder before it starts. */
  prepare?(folder: string): void;
}

const kubectlPath = findKubectls().at(-1)?.path ?? "kubectl";

/** DATAPLANE=envoy runs every scenario on real Envoys: both data planes must give the same answers. */
export const dataplane =
  process.env["DATAPLANE"] === undefined ? [] : ["--dataplane", process.env["DATAPLANE"]];

/** What proxies have no part in is tried once, on the built-in ones. */
export const isBuiltIn = dataplane.length === 0;

/** Arguments of `up`: the mesh ends with the test's process, and a busy machine has time to start it. */
export const patientUp = ["--exit-with", String(process.pid), "--timeout", "180"];

/** Copies the example to a folder of its own and runs `isthmus up --detach` in it. Rejects when that fails. */
export async function startExample(options: MeshOptions): Promise<MeshUnderTest> {
  const folder = mkdtempSync(path.join(tmpdir(), `isthmus-${options.example}-`));
  cpSync(path.join(root, "examples", options.example), folder, {
    recursive: true,
    filter: (source) => ![".isthmus", "certs"].includes(path.basename(source)),
  });
  options.prepare?.(folder);
  const from = performance.now();
  const started = await run(
    process.execPath,
    [isthmus, "up", "--detach", ...patientUp, ...dataplane, ...(options.args ?? [])],
    { cwd: folder },
  );
  const state = path.join(folder, ".isthmus");
  if (started.code !== 0) {
    const log = existsSync(path.join(state, "engine.log"))
      ? readFileSync(path.join(state, "engine.log"), "utf8").slice(-4000)
      : "";
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`up failed with ${started.code}:\n${started.stderr}\n${log}`);
  }
  const seconds = ((performance.now() - from) / 1000).toFixed(2);
  console.info(`${options.example} on ${dataplane[1] ?? "builtin"}: ${seconds} s from command to ready`);
  const kubeconfig = path.join(state, "kubeconfig");
  const home = path.join(folder, ".home");
  const tryKubectl = (cluster: string, args: readonly string[], input?: string) =>
    run(
      kubectlPath,
      ["--kubeconfig", kubeconfig, "--context", cluster, "--cache-dir", home, ...args],
      input === undefined ? {} : { input },
    );
  const kubectl = async (cluster: string, ...args: string[]) => {
    const result = await tryKubectl(cluster, args);
    if (result.code !== 0)
      throw new Error(`kubectl --context ${cluster} ${args.join(" ")} failed:\n${result.stderr}`);
    return result.stdout;
  };
  return {
    folder,
    kubeconfig,
    said: started.stderr,
    kubectl,
    tryKubectl,
    isthmus: (...args) => run(process.execPath, [isthmus, ...args], { cwd: folder }),
    async curl(cluster, url, times = 1, ...curlArgs) {
      // One curl makes all requests; Connection: close gives each a connection of its own.
      const target = ["-n", options.namespace, options.client, "-c", options.container];
      const args = [
        "curl",
        "-sS",
        "--max-time",
        "20",
        "-H",
        "Connection: close",
        ...curlArgs,
        `${url}?n=[1-${times}]`,
      ];
      const { stdout, stderr } = await tryKubectl(cluster, ["exec", ...target, "--", ...args]);
      return `${stdout}\n${stderr.replace(/^command terminated.*$/m, "")}`
        .split("\n")
        .filter((line) => line !== "");
    },
    async stop() {
      await run(process.execPath, [isthmus, "down"], { cwd: folder });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Milliseconds. A deadline tells that something never comes, not how fast a busy machine is. */
const leastPatience = 60_000;

/**
 * Waits until `probe` gives a value other than undefined or false; rejects with the last failure after `timeout`
 * milliseconds, or a minute if that is more.
 */
export async function eventually<T>(
  probe: () => Promise<T | undefined | false>,
  timeout = leastPatience,
): Promise<T> {
  const patience = Math.max(timeout, leastPatience);
  const deadline = performance.now() + patience;
  let failure: unknown;
  let pause = 20;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      failure = undefined;
    } catch (reason) {
      failure = reason;
    }
    if (performance.now() > deadline) throw failure ?? new Error(`not so within ${patience} ms`);
    await new Promise((resolve) => setTimeout(resolve, pause));
    // Who asks again and again takes from the machine what the answer needs.
    pause = Math.min(2 * pause, 200);
  }
}

/** A process that runs while a test does something else. */
export function background(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): { result: Promise<Result>; said(): string; end(): void; kill(): void; hasEnded(): boolean } {
  const child = spawn(program, [...args], { cwd, env: { ...process.env, NO_COLOR: "1", ...env } });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const result = new Promise<Result>((resolve) =>
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr })),
  );
  return {
    result,
    said: () => stdout + stderr,
    end: () => child.kill("SIGTERM"),
    /** As a crash: without a chance to tidy up. */
    kill: () => child.kill("SIGKILL"),
    hasEnded: () => child.exitCode !== null,
  };
}
