import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** How far up the data folder can be: src/kube/schema/ is three below the root, a bundle's chunk none below dist/. */
const levels = 4;

/**
 * The path of a file of the package's data/ folder, found from where this module runs: data/ at the root when
 * run from source, dist/data/ beside the bundle. Throws when there is none, which means a broken package.
 */
export function dataFile(name: string, from: string = import.meta.dirname): string {
  let folder = from;
  for (let level = 0; level < levels; level++) {
    const candidate = path.join(folder, "data", name);
    if (existsSync(candidate)) return candidate;
    folder = path.dirname(folder);
  }
  throw new Error(`cannot happen: data/${name} is missing from the package, looked above ${from}`);
}

/** The JSON value of a file of the package's data/ folder. Reads it every time; callers keep what they need. */
export function readDataFile(name: string): unknown {
  return JSON.parse(readFileSync(dataFile(name), "utf8"));
}
