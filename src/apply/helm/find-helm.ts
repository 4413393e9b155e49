import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";

/** Path of the user's helm: HELM_PATH, else the first `helm` on PATH; undefined when there is none. */
export function findHelm(
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const named = env["HELM_PATH"] ?? "";
  const onPath = (env["PATH"] ?? "").split(":").map((folder) => path.resolve(folder, "helm"));
  return (named === "" ? onPath : [path.resolve(named)]).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
