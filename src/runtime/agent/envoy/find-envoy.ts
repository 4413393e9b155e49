import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { IsthmusError } from "../../../base/index.ts";

/** Where `isthmus envoy install` puts the package: XDG_CACHE_HOME/isthmus/envoy, by default below ~/.cache. */
export function envoyInstallFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const cache = env["XDG_CACHE_HOME"];
  // The specification says that relative ones are to be ignored.
  const base = cache !== undefined && path.isAbsolute(cache) ? cache : path.join(homedir(), ".cache");
  return path.join(base, "isthmus", "envoy");
}

/** The program inside an installed package. */
export function envoyIn(folder: string): string {
  return path.join(folder, "envoy", "_bin", "envoy");
}

/**
 * Path of the Envoy to run: ENVOY_PATH, else the first `envoy` on PATH, else the installed package's. Throws
 * IsthmusError tool/missing when there is none, or when ENVOY_PATH names something that can't be run.
 */
export function findEnvoy(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const named = env["ENVOY_PATH"];
  if (named !== undefined && named !== "") {
    if (isProgram(named)) return path.resolve(named);
    throw new IsthmusError("tool/missing", `ENVOY_PATH is ${named}, which is no program that can be run`, {
      nextStep: "Set it to Envoy's program, or unset it and run: isthmus envoy install",
    });
  }
  const installed = envoyIn(envoyInstallFolder(env));
  const onPath = (env["PATH"] ?? "").split(":").map((folder) => path.resolve(folder, "envoy"));
  const found = [...onPath, installed].find(isProgram);
  if (found !== undefined) return found;
  throw new IsthmusError(
    "tool/missing",
    `Envoy is not here: neither ENVOY_PATH nor PATH names it, and it is not in ${envoyInstallFolder(env)}`,
    { nextStep: "Fetch it with: isthmus envoy install" },
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
