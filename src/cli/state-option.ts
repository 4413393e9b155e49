import { existsSync } from "node:fs";
import path from "node:path";
import { IsthmusError } from "../base/index.ts";
import { type CommandInput, textOption } from "./command.ts";

/** Name of the state folder beside a mesh file. */
export const stateFolderName = ".isthmus";

/**
 * The state folder that a command means: --state, else .isthmus of this folder or of the nearest folder above
 * it that has one. arguments/wrong when there is none to be found.
 */
export function stateFolderOf(input: CommandInput): string {
  const given = textOption(input, "state");
  if (given !== undefined) return path.resolve(given);
  for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, stateFolderName);
    if (existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder)) break;
  }
  throw new IsthmusError(
    "engine/not-running",
    `neither this folder nor one above it has a ${stateFolderName} folder`,
    {
      nextStep: "Go to the mesh file's folder, or name the state folder with --state DIR.",
    },
  );
}
