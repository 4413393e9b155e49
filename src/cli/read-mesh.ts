import { existsSync, readFileSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import {
  type Diagnostic,
  type ErrorCode,
  formatDiagnostics,
  hasErrors,
  IsthmusError,
} from "../base/index.ts";
import { type Compiled, compile, loadManifests, type ManifestReader } from "../compile/index.ts";
import { isUrl, type Mesh, parseMesh } from "../mesh/index.ts";
import { type CommandInput, textOptions } from "./command.ts";

const maxManifestBytes = 8 * 1024 * 1024;
const downloadTimeout = 30_000;

/** A mesh file read to the end: ready to run or to write out. */
export interface ReadMesh {
  readonly mesh: Mesh;
  readonly compiled: Compiled;
  readonly warnings: readonly Diagnostic[];
}

/** Options by which a command names its mesh file. */
export const meshOptions = {
  file: { type: "string", short: "f", multiple: true },
  set: { type: "string", multiple: true },
} as const;

export const meshOptionTexts = {
  file: "mesh file; given several times, later ones are laid over earlier ones (default: mesh.yaml)",
  set: "one field, for example clusters.ash.region=eu-west-1 (repeatable)",
} as const;

/** The mesh files that a command means, first one first. arguments/wrong when both FILE and -f are given. */
export function meshFiles(input: CommandInput): readonly string[] {
  const files = textOptions(input, "file");
  const [positional, ...more] = input.positionals;
  if (more.length > 0) throw new IsthmusError("arguments/wrong", `one FILE at most; further ones with -f`);
  if (positional !== undefined && files.length > 0) {
    throw new IsthmusError("arguments/wrong", "FILE and -f can't both be given", {
      nextStep: "Name all files with -f, in order.",
    });
  }
  if (files.length > 0) return files;
  const file = positional ?? "mesh.yaml";
  return [existsSync(file) && statSync(file).isDirectory() ? path.join(file, "mesh.yaml") : file];
}

/**
 * Reads, checks and compiles the mesh files of a command. `check` adds what only this command minds. All mistakes
 * are thrown at once as WrongMeshFile; `unless` says what did not happen because of them.
 */
export async function readMesh(
  input: CommandInput,
  options: { check(mesh: Mesh): readonly Diagnostic[]; unless: string },
): Promise<ReadMesh> {
  const names = meshFiles(input);
  const texts = names.map((file) => ({ file, text: readMeshText(file) }));
  const folder = path.dirname(path.resolve(names[0] ?? "mesh.yaml"));
  const parsed = parseMesh(texts, textOptions(input, "set"), {
    folder,
    files: { kindOf: (place) => kindOf(path.resolve(folder, place)) },
  });
  if (!parsed.ok) throw new WrongMeshFile(names, parsed.problems, options.unless);
  const { mesh } = parsed;
  const loaded = await loadManifests(mesh, manifestReader(folder));
  const found = [...parsed.warnings, ...options.check(mesh), ...loaded.diagnostics];
  if (hasErrors(found)) throw new WrongMeshFile(names, found, options.unless);
  return { mesh, compiled: compile(mesh, loaded.content), warnings: found };
}

/** The user's files are wrong: every mistake with its place. Shown as it is, exit code 3. */
export class WrongMeshFile extends IsthmusError {
  constructor(files: readonly string[], problems: readonly Diagnostic[], unless: string) {
    const errors = problems.filter(({ severity }) => severity === "error").length;
    const count = errors === 1 ? "1 mistake" : `${errors} mistakes`;
    super(
      "mesh/wrong",
      `${files.join(", ")} ${files.length > 1 ? "have" : "has"} ${count}\n\n${formatDiagnostics(problems)}\n\n${unless}`,
    );
  }
}

function readMeshText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (reason) {
    const code: ErrorCode = "mesh/not-found";
    const missing = (reason as NodeJS.ErrnoException).code === "ENOENT";
    throw new IsthmusError(
      code,
      missing ? `there is no file ${file}` : `${file} can't be read: ${(reason as Error).message}`,
      {
        cause: reason,
        nextStep: "Name the mesh file, or write one with isthmus init.",
      },
    );
  }
}

function kindOf(place: string): "file" | "folder" | undefined {
  const found = statSync(place, { throwIfNoEntry: false });
  return found === undefined ? undefined : found.isDirectory() ? "folder" : "file";
}

function manifestReader(folder: string): ManifestReader {
  return {
    readText: (place) => (isUrl(place) ? download(place) : readLimited(path.resolve(folder, place))),
    async listFolder(place) {
      if (isUrl(place)) return undefined;
      try {
        const entries = await readdir(path.resolve(folder, place), { withFileTypes: true });
        return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
      } catch (reason) {
        if ((reason as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
        throw reason;
      }
    },
  };
}

async function readLimited(file: string): Promise<string> {
  const text = await readFile(file, "utf8");
  if (text.length > maxManifestBytes) throw new Error(`${file} is larger than ${maxManifestBytes} bytes`);
  return text;
}

async function download(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(downloadTimeout), redirect: "follow" });
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${response.statusText}`);
  const text = await response.text();
  if (text.length > maxManifestBytes) throw new Error(`${url} is larger than ${maxManifestBytes} bytes`);
  return text;
}
