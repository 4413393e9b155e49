import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { formatDiagnostics, IsthmusError } from "../../base/index.ts";
import type { WrittenObject } from "../../checks/index.ts";
import { parseYamlObjects } from "../../kube/index.ts";

const manifest = /\.(ya?ml|json)$/;
const maxBytes = 8 * 1024 * 1024;

/**
 * The Kubernetes objects of files and folders, each with the place where it is written; "-" is standard input. Folders are
 * read without those in them unless `recursive`. Rejects with arguments/wrong when something can't be read, with all mistakes
 * at once.
 */
export async function readObjects(
  places: readonly string[],
  { recursive }: { readonly recursive: boolean },
): Promise<readonly WrittenObject[]> {
  const files = (await Promise.all(places.map((place) => filesAt(place, recursive)))).flat();
  const parsed = await Promise.all(
    files.map(async (file) => ({ file, ...parseYamlObjects(await readText(file), file) })),
  );
  const problems = parsed.flatMap(({ diagnostics }) => diagnostics);
  if (problems.length > 0) throw new IsthmusError("arguments/wrong", formatDiagnostics(problems));
  return parsed.flatMap(({ file, objects }) =>
    objects.map(({ object, range }) => ({ object, writtenAt: `${file}:${range.line}` })),
  );
}

async function filesAt(place: string, recursive: boolean): Promise<readonly string[]> {
  if (place === "-") return [place];
  try {
    if (!(await stat(place)).isDirectory()) return [place];
    const entries = await readdir(place, { withFileTypes: true, recursive });
    return entries
      .filter((entry) => entry.isFile() && manifest.test(entry.name))
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort();
  } catch (reason) {
    throw unreadable(place, reason);
  }
}

async function readText(file: string): Promise<string> {
  if (file === "-") return readInput();
  try {
    const { size } = await stat(file);
    if (size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
    return await readFile(file, "utf8");
  } catch (reason) {
    throw unreadable(file, reason);
  }
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw unreadable("standard input", `it is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function unreadable(place: string, reason: unknown): IsthmusError {
  if (reason instanceof IsthmusError) return reason;
  return new IsthmusError(
    "arguments/wrong",
    `${place} can't be read: ${reason instanceof Error ? reason.message : String(reason)}`,
    { nextStep: "Name files or folders with Kubernetes objects." },
  );
}
